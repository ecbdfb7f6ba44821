// Components and schedules of the folder: what both kinds have in common. Workflows have drafts and versions; these are
// rows that change at once.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { isObject } from '../../../sdk/src/workflow/json.ts';
import type { Context } from '../context.ts';
import { usage } from '../errors.ts';
import { readText } from '../files.ts';
import type { Project } from '../project.ts';
import { canonical } from '../workflows/content.ts';
import { FILE, faultOf, importModule, type LocalFault, pathIn } from '../workflows/local.ts';
import type { StateKind } from '../workflows/state.ts';

export type Content = Readonly<Record<string, unknown>>;

export interface LocalResource {
  /** Unique in the folder, and the same in each database. */
  key: string;
  /** Relative to the folder above `stepbase`. */
  file: string;
  content: Content;
}

export interface StoredResource {
  key: string;
  id: string;
  content: Content;
  /** Out of use, so git need not have it. */
  isIdle: boolean;
}

export interface LocalResources {
  items: LocalResource[];
  faults: LocalFault[];
}

/** The rows of the database, and how they are changed. */
export interface Store {
  items: StoredResource[];
  /** The content as the database would return it. */
  resolve(content: Content): Content;
  create(content: Content): Promise<void>;
  change(stored: StoredResource, content: Content): Promise<void>;
  /** Takes it out of use. */
  remove(stored: StoredResource): Promise<void>;
}

export interface Kind {
  plural: Exclude<StateKind, 'workflows'>;
  singular: 'component' | 'schedule';
  /** What a push with --prune does. */
  removed: 'deactivated' | 'deleted';
  readLocal(project: Project): Promise<LocalResources>;
  open(context: Context, local: readonly LocalResource[]): Promise<Store>;
  /** The file of a new one. */
  newFile(project: Project, stored: StoredResource, format: 'ts' | 'json' | undefined): string;
  /** The text of a file with these, in the form that its name has. */
  print(file: string, contents: readonly Content[]): string;
}

/** Operators may pause what git keeps, so this is no content. */
const OPERATED = ['is_enabled', 'start_immediately'];

export function hashOfContent(content: Content): string {
  const kept = Object.entries(content).filter(([key]) => !OPERATED.includes(key));
  return createHash('sha256')
    .update(canonical(Object.fromEntries(kept)))
    .digest('hex');
}

/** Members of a file, from the exports of a module or from JSON; a list counts as its members. */
async function membersOf(path: string): Promise<unknown[]> {
  if (extname(path) !== '.json') return Object.values(await importModule(path)).flat();
  try {
    return [JSON.parse(readText(path) ?? '')].flat();
  } catch (error) {
    throw usage('invalid_json', `The file is not JSON: ${(error as Error).message}`);
  }
}

export interface Reading {
  singular: Kind['singular'];
  isOne(value: unknown): value is Content;
  /** The content with its defaults, as JSON. */
  normal(value: Content, path: string): { key: string; content: Content };
}

/** Reads files; the faults of one do not hide those of another. */
export async function readFiles(
  project: Project,
  paths: readonly string[],
  { singular, isOne, normal }: Reading,
): Promise<LocalResources> {
  const found: LocalResources = { items: [], faults: [] };
  for (const path of paths) {
    const file = pathIn(project, path);
    try {
      const members = [...new Set(await membersOf(path))].filter(
        (value) => isObject(value) && (extname(path) === '.json' || isOne(value)),
      ) as Content[];
      if (members.length === 0) {
        const helper = singular === 'component' ? 'defineComponent' : 'defineSchedule';
        throw usage(
          `no_${singular}`,
          `The file has no ${singular}`,
          `Export the result of ${helper}.`,
        );
      }
      for (const member of members) {
        const plain = JSON.parse(JSON.stringify(member)) as Content;
        found.items.push({ ...normal(plain, path), file });
      }
    } catch (error) {
      found.faults.push(faultOf(error, file));
    }
  }
  const seen = new Map<string, string>();
  for (const { key, file } of found.items) {
    const first = seen.get(key);
    if (first !== undefined) {
      const message = `${singular} ${key} is also in ${first}`;
      found.faults.push({ file, code: `duplicate_${singular}`, message });
    }
    seen.set(key, file);
  }
  return found;
}

export const filesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isFile() && FILE.test(entry.name))
        .map(({ name }) => join(folder, name))
        .sort()
    : [];

/** Fills in the defaults; a key that the table lacks is an error. */
export function withDefaults(
  value: Content,
  defaults: Content,
  optional: readonly string[],
  what: string,
): Content {
  const unknown = Object.keys(value).filter((key) => !(key in defaults) && !optional.includes(key));
  if (unknown.length > 0) {
    throw usage('unknown_key', `${what} has no setting ${unknown.join(', ')}`);
  }
  const given = Object.entries(value).filter(([, member]) => member !== undefined);
  return { ...defaults, ...Object.fromEntries(given) };
}

/** The members that differ from the defaults. */
export const withoutDefaults = (content: Content, defaults: Content): Content =>
  Object.fromEntries(
    Object.entries(content).filter(
      ([key, value]) => !(key in defaults) || canonical(value) !== canonical(defaults[key]),
    ),
  );
