// The content that this folder last exchanged with each link. It tells a change of the folder from a change of the database.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readObject, writeObject, writeText } from '../files.ts';
import type { Project, Target } from '../project.ts';

export class State {
  readonly #folder: string;
  readonly #path: string;
  readonly #hashes: Record<string, string>;

  constructor({ folder }: Project, { name, url, app }: Target) {
    this.#folder = join(folder, '.state');
    this.#path = join(this.#folder, `${name.replaceAll(/[^\w.-]+/g, '_')}.json`);
    const stored = readObject(this.#path);
    const isSame = stored?.url === url && stored.app === (app ?? null);
    this.#hashes = isSame ? { ...(stored.workflows as Record<string, string>) } : {};
    this.#about = { url, app: app ?? null };
  }

  readonly #about: { url: string; app: string | null };

  /** The hash of the workflow when it was last pushed or pulled. */
  hash(workflow: string): string | undefined {
    return Object.hasOwn(this.#hashes, workflow) ? this.#hashes[workflow] : undefined;
  }

  note(workflow: string, hash: string): void {
    if (this.hash(workflow) === hash) return;
    this.#hashes[workflow] = hash;
    // The state belongs to one working copy.
    const ignore = join(this.#folder, '.gitignore');
    if (!existsSync(ignore)) writeText(ignore, '*\n');
    writeObject(this.#path, { ...this.#about, workflows: this.#hashes });
  }
}
