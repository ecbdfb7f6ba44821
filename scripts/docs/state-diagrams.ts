// The state diagrams of docs/concepts/lifecycle.md, generated from the transitions that the migration inserts.
// `node scripts/docs/state-diagrams.ts` rewrites them; `--check` fails when the page is out of date.

import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../stack/options.ts';

const PAGE = join(ROOT, 'docs', 'concepts', 'lifecycle.md');
const ENTITIES = ['run', 'step'] as const;

export type Entity = (typeof ENTITIES)[number];

export interface Transition {
  entity: Entity;
  from_status: string;
  to_status: string;
  reason: string;
}

/** The rows of the transitions table, in the order in which the migration inserts them. */
export function readTransitions(): Transition[] {
  const [file] = globSync('supabase/migrations/*_transitions.sql', { cwd: ROOT });
  if (file === undefined) throw new Error('no migration is called *_transitions.sql');
  const sql = readFileSync(join(ROOT, file), 'utf8');
  const rows = sql.matchAll(/^\('(run|step)', '(\w+)', '(\w+)', '((?:[^']|'')+)'\)/gm);
  return [...rows].map(([, entity, from_status = '', to_status = '', reason = '']) => ({
    entity: entity as Entity,
    from_status,
    to_status,
    reason: reason.replaceAll("''", "'"),
  }));
}

/** A Mermaid state diagram and the reasons as a table. */
export function drawing(transitions: readonly Transition[], entity: Entity): string {
  const own = transitions.filter((transition) => transition.entity === entity);
  const sources = new Set(own.map(({ from_status }) => from_status));
  const ends = [...new Set(own.map(({ to_status }) => to_status))].filter((to) => !sources.has(to));
  return [
    '```mermaid',
    'stateDiagram-v2',
    '  [*] --> pending',
    ...own.map(({ from_status, to_status }) => `  ${from_status} --> ${to_status}`),
    ...ends.map((end) => `  ${end} --> [*]`),
    '```',
    '',
    '| from | to | when |',
    '|---|---|---|',
    ...own.map(
      ({ from_status, to_status, reason }) => `| ${from_status} | ${to_status} | ${reason} |`,
    ),
  ].join('\n');
}

/** The page with both drawings between their markers. */
export function withDrawings(page: string, transitions: readonly Transition[]): string {
  let text = page;
  for (const entity of ENTITIES) {
    const start = `<!-- ${entity} transitions -->\n`;
    const end = `<!-- /${entity} transitions -->`;
    const from = text.indexOf(start);
    const to = text.indexOf(end);
    if (from === -1 || to < from) throw new Error(`the page has no markers for ${entity}`);
    text = `${text.slice(0, from + start.length)}\n${drawing(transitions, entity)}\n\n${text.slice(to)}`;
  }
  return text;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  const page = readFileSync(PAGE, 'utf8');
  const current = withDrawings(page, readTransitions());
  if (!values.check) writeFileSync(PAGE, current);
  else if (page !== current) {
    console.error(
      'docs/concepts/lifecycle.md is out of date: run node scripts/docs/state-diagrams.ts',
    );
    process.exitCode = 1;
  }
}
