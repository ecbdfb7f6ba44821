// The content that this folder last exchanged with each link. It tells a change of the folder from a change of the database.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readObject, writeObject, writeText } from '../files.ts';
import type { Project, Target } from '../project.ts';

/** What a folder holds. */
export type StateKind = 'workflows' | 'components' | 'schedules';

type Hashes = Record<string, string>;

export class State {
  readonly #folder: string;
  readonly #path: string;
  readonly #hashes: Readonly<Record<StateKind, Hashes>>;
  readonly #about: { url: string; app: string | null };

  constructor({ folder }: Project, { name, url, app }: Target) {
    this.#folder = join(folder, '.state');
    this.#path = join(this.#folder, `${name.replaceAll(/[^\w.-]+/g, '_')}.json`);
    const stored = readObject(this.#path);
    const isSame = stored?.url === url && stored.app === (app ?? null);
    const of = (kind: StateKind): Hashes =>
      isSame ? { ...(stored[kind] as Hashes | undefined) } : {};
    this.#hashes = {
      workflows: of('workflows'),
      components: of('components'),
      schedules: of('schedules'),
    };
    this.#about = { url, app: app ?? null };
  }

  /** The hash of the workflow when it was last pushed or pulled. */
  hash(name: string, kind: StateKind = 'workflows'): string | undefined {
    return Object.hasOwn(this.#hashes[kind], name) ? this.#hashes[kind][name] : undefined;
  }

  note(name: string, hash: string, kind: StateKind = 'workflows'): void {
    if (this.hash(name, kind) === hash) return;
    this.#hashes[kind][name] = hash;
    this.#write();
  }

  /** The folder and the database have it no longer. */
  forget(name: string, kind: StateKind = 'workflows'): void {
    if (this.hash(name, kind) === undefined) return;
    delete this.#hashes[kind][name];
    this.#write();
  }

  #write(): void {
    // The state belongs to one working copy.
    const ignore = join(this.#folder, '.gitignore');
    if (!existsSync(ignore)) writeText(ignore, '*\n');
    writeObject(this.#path, { ...this.#about, ...this.#hashes });
  }
}
