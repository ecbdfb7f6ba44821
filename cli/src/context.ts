// What a command works with: the options that all commands have, the folder, and the server of the link.
import { resolve } from 'node:path';
import { createStepbase, type Stepbase } from '../../sdk/src/index.ts';
import type { Env } from './credentials.ts';
import type { Output } from './output.ts';
import { findTarget, type LinkOptions, type Project, readProject, type Target } from './project.ts';
import { createServer, credentialsOf, patientFetch, type Server } from './server.ts';
import { CLIENT, notingVersions } from './version.ts';

export interface GlobalOptions extends LinkOptions {
  json?: boolean | undefined;
  cwd?: string | undefined;
}

export interface Input extends AsyncIterable<Buffer | string> {
  isTTY?: boolean | undefined;
}

/** What a command answers. `data` is the answer with --json, `lines` are for people. A stream has printed both. */
export interface Result {
  data?: unknown;
  lines?: readonly string[];
  exit?: number;
}

export class Context {
  readonly options: GlobalOptions;
  readonly out: Output;
  readonly env: Env;
  readonly stdin: Input;
  readonly #cwd: string;
  #project: Project | undefined;
  #target: Target | undefined;
  #server: Server | undefined;
  #isVersionNoted = false;
  /** Once for a command, which may have several clients. */
  readonly #noteVersion = (text: string): void => {
    if (this.#isVersionNoted || this.out.json) return;
    this.#isVersionNoted = true;
    this.out.note(text);
  };

  constructor(options: GlobalOptions, out: Output, env: Env, stdin: Input) {
    this.options = options;
    this.out = out;
    this.env = env;
    this.stdin = stdin;
    this.#cwd = resolve(options.cwd ?? '.');
  }

  path(name: string): string {
    return resolve(this.#cwd, name);
  }

  get project(): Project {
    this.#project ??= readProject(this.#cwd);
    return this.#project;
  }

  get target(): Target {
    this.#target ??= findTarget(this.project, this.options, this.env);
    return this.#target;
  }

  get server(): Server {
    this.#server ??= createServer({
      ...credentialsOf(this.target),
      fetch: notingVersions(fetch, this.#noteVersion),
    });
    return this.#server;
  }

  get stepbase(): Stepbase {
    return createStepbase({
      ...credentialsOf(this.target),
      client: CLIENT,
      fetch: notingVersions(patientFetch, this.#noteVersion),
    });
  }
}

const AT_ONCE = 4;

/** The results in the order of the items; a few of them are in work at a time. */
export async function mapSome<Item, T>(
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  const rest = items.entries();
  const worker = async () => {
    for (const [index, item] of rest) results[index] = await work(item, index);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
  return results;
}
