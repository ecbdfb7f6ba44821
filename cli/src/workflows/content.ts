// The content of a workflow, and its differences from another one. Lists are compared by id, as the database does.
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Definition } from '../../../sdk/src/workflow/index.ts';
import { isObject } from '../../../sdk/src/workflow/json.ts';

export interface Content {
  definition: Definition;
  input_schema: object | null;
  output_schema: object | null;
}

export interface Described extends Content {
  kebab_name: string;
  name?: string | undefined;
  description?: string | undefined;
}

export interface Change {
  path: string;
  /** The value in the database. */
  from?: unknown;
  /** The value in git. */
  to?: unknown;
}

export interface Difference {
  part: 'node' | 'edge' | 'canvas' | 'input_schema' | 'output_schema' | 'name' | 'description';
  id?: string;
  /** `added`: only git has it; `removed`: only the database has it. */
  change: 'added' | 'removed' | 'changed';
  changes?: Change[];
}

/** Keys of a canvas that is open; save_workflow does not store them. */
const SESSION_KEYS = {
  nodes: ['dragging', 'measured', 'resizing', 'selected'],
  edges: ['selected'],
} as const;

type Element = Readonly<Record<string, unknown>>;

function elements(definition: Definition, part: 'nodes' | 'edges'): Map<string, Element> {
  const session: readonly string[] = SESSION_KEYS[part];
  const list: readonly unknown[] = definition[part];
  return new Map(
    list.filter(isObject).map((one) => {
      const stored = Object.entries(one).filter(
        ([key, value]) => value !== undefined && !session.includes(key),
      );
      return [String(one.id), Object.fromEntries(stored)];
    }),
  );
}

/** The keys of a definition beside its lists, such as the viewport. */
function canvasOf(definition: Definition): Element {
  const { nodes: _nodes, edges: _edges, ...canvas } = definition;
  return canvas;
}

/** JSON, with the keys of objects in order and without those that are undefined. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value ?? null);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(',')}}`;
}

/** Equal contents have equal hashes. */
export function hashOf({ definition, input_schema, output_schema }: Content): string {
  const lists = (['nodes', 'edges'] as const).map((part) =>
    Object.fromEntries(elements(definition, part)),
  );
  return createHash('sha256')
    .update(canonical([...lists, canvasOf(definition), input_schema, output_schema]))
    .digest('hex');
}

/** What git has in another form than the database. Name and description count only if the file states them. */
export function differences(database: Described, git: Described): Difference[] {
  const lists = (['nodes', 'edges'] as const).flatMap((part) =>
    compareLists(
      part === 'nodes' ? 'node' : 'edge',
      elements(database.definition, part),
      elements(git.definition, part),
    ),
  );
  const whole = (
    part: 'canvas' | 'input_schema' | 'output_schema',
    from: unknown,
    to: unknown,
  ): Difference[] => {
    const changes = changesOf(from, to);
    return changes.length === 0 ? [] : [{ part, change: 'changed', changes }];
  };
  const texts = (['name', 'description'] as const).flatMap((part): Difference[] => {
    const [from, to] = [database[part] ?? '', git[part]];
    if (to === undefined || to === from) return [];
    return [{ part, change: 'changed', changes: [{ path: '', from, to }] }];
  });
  return [
    ...lists,
    ...whole('canvas', canvasOf(database.definition), canvasOf(git.definition)),
    ...whole('input_schema', database.input_schema, git.input_schema),
    ...whole('output_schema', database.output_schema, git.output_schema),
    ...texts,
  ];
}

function compareLists(
  part: 'node' | 'edge',
  database: ReadonlyMap<string, Element>,
  git: ReadonlyMap<string, Element>,
): Difference[] {
  const found: Difference[] = [];
  for (const [id, from] of database) {
    const to = git.get(id);
    if (to === undefined) found.push({ part, id, change: 'removed' });
    else {
      const changes = changesOf(from, to);
      if (changes.length > 0) found.push({ part, id, change: 'changed', changes });
    }
  }
  for (const id of git.keys()) if (!database.has(id)) found.push({ part, id, change: 'added' });
  return found;
}

/** Each value that differs, by its path. */
export function changesOf(from: unknown, to: unknown, path = ''): Change[] {
  if (isDeepStrictEqual(from, to)) return [];
  if (!isObject(from) || !isObject(to)) {
    return [
      {
        path,
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
      },
    ];
  }
  const keys = new Set([...Object.keys(from), ...Object.keys(to)]);
  return [...keys].flatMap((key) =>
    changesOf(from[key], to[key], path === '' ? key : `${path}.${key}`),
  );
}

const SHOWN = 60;
const MARKS = { added: '+', removed: '-', changed: '~' } as const;

export function short(value: unknown): string {
  const text = value === undefined ? 'none' : JSON.stringify(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN - 1)}…` : text;
}

/** Lines for people. */
export function differenceLines(found: readonly Difference[]): string[] {
  return found.flatMap(({ part, id, change, changes = [] }) => {
    const title = `${MARKS[change]} ${id === undefined ? part : `${part} ${id}`}`;
    const details = changes.map(
      ({ path, from, to }) => `${path === '' ? '' : `${path}: `}${short(from)} → ${short(to)}`,
    );
    if (details.length === 1) return [`${title}  ${details[0]}`];
    return [title, ...details.map((text) => `    ${text}`)];
  });
}
