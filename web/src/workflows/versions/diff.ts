// The answer of diff_versions.
import type { Changes } from '../graph/definition.ts';

export interface Difference {
  /** A JSON pointer. */
  path: string;
  a?: unknown;
  b?: unknown;
}

export interface Element {
  id: string;
  type?: string;
  source?: string;
  target?: string;
  sourceHandle?: string;
  differences?: Difference[];
}

export interface ElementChanges {
  added: Element[];
  removed: Element[];
  changed: Element[];
}

export interface SchemaChange {
  verdict: 'equal' | 'compatible' | 'breaking' | 'unknown';
  reasons?: ({ message?: string; path?: string } | string)[];
  differences?: Difference[];
}

export interface Side {
  workflow_version_id: string;
  version: number;
  status: string;
  open_runs: number;
  has_more_open_runs: boolean;
}

export interface VersionDiff {
  a: Side;
  b: Side;
  same_content: boolean;
  nodes: ElementChanges;
  edges: ElementChanges;
  input_schema: SchemaChange;
  output_schema: SchemaChange;
  schedules: { id: string; name: string }[];
  triggers: { id: string; name: string }[];
  parents: string[];
}

const idsOf = (elements: readonly Element[]) => new Set(elements.map(({ id }) => id));

export const changesOf = ({ added, removed, changed }: ElementChanges): Changes => ({
  added: idsOf(added),
  removed: idsOf(removed),
  changed: idsOf(changed),
});

export const countOf = ({ added, removed, changed }: ElementChanges): number =>
  added.length + removed.length + changed.length;
