// docs/reference/state-machines.md: the legal changes of status as diagrams and tables, from the
// tables that the triggers enforce.

import type pg from 'pg';
import { SCHEMAS } from '../database/schemas.ts';
import { block, code, generatedFrom, page, table } from './markdown.ts';

interface Transition {
  entity: string;
  from_status: string;
  to_status: string;
  reason: string | null;
}

interface Status {
  name: string;
  description: string;
  is_terminal: boolean;
}

/** Statuses that lead to the end of the entity: nothing leaves them. */
function diagram(transitions: Transition[]): string {
  const sources = new Set(transitions.map(({ from_status: from }) => from));
  const targets = new Set(transitions.map(({ to_status: to }) => to));
  const first = [...sources].filter((status) => !targets.has(status));
  const start = first.length > 0 ? first : [transitions[0]?.from_status ?? ''];
  return block(
    'mermaid',
    [
      'stateDiagram-v2',
      ...start.map((status) => `  [*] --> ${status}`),
      ...transitions.map(({ from_status: from, to_status: to }) => `  ${from} --> ${to}`),
      ...[...targets]
        .filter((status) => !sources.has(status))
        .map((status) => `  ${status} --> [*]`),
    ].join('\n'),
  );
}

function transitionTable(transitions: Transition[]): string {
  const hasReasons = transitions.some(({ reason }) => reason !== null);
  return table(
    ['from', 'to', ...(hasReasons ? ['because'] : [])],
    transitions.map(({ from_status: from, to_status: to, reason }) => [
      code(from),
      code(to),
      ...(hasReasons ? [reason ?? ''] : []),
    ]),
  );
}

export async function stateMachinesPage(client: pg.Client): Promise<string> {
  const { rows: ofRuns } = await client.query<Transition>(
    `select t.entity, t.from_status, t.to_status, t.reason
     from ${SCHEMAS.engine}.transitions t
     left join ${SCHEMAS.exposed}.run_statuses f on t.entity = 'run' and f.name = t.from_status
     left join ${SCHEMAS.exposed}.run_statuses g on t.entity = 'run' and g.name = t.to_status
     left join ${SCHEMAS.exposed}.step_statuses h on t.entity = 'step' and h.name = t.from_status
     left join ${SCHEMAS.exposed}.step_statuses i on t.entity = 'step' and i.name = t.to_status
     order by t.entity, coalesce(f.ordinal, h.ordinal), coalesce(g.ordinal, i.ordinal)`,
  );
  const { rows: ofWorkflows } = await client.query<Transition>(
    `select t.entity, t.from_status, t.to_status, null as reason
     from ${SCHEMAS.private}.workflow_transitions t
     join ${SCHEMAS.exposed}.workflow_statuses f on f.name = t.from_status
     join ${SCHEMAS.exposed}.workflow_statuses g on g.name = t.to_status
     order by t.entity, f.ordinal, g.ordinal`,
  );
  const statuses = async (lookup: string) => {
    const { rows } = await client.query<Status>(
      `select name, description, is_terminal from ${SCHEMAS.exposed}.${lookup} order by ordinal`,
    );
    return table(
      ['status', 'meaning', 'final'],
      rows.map(({ name, description, is_terminal: isTerminal }) => [
        code(name),
        description,
        isTerminal ? 'yes' : '',
      ]),
    );
  };
  const of = (rows: Transition[], entity: string) => rows.filter((row) => row.entity === entity);
  const machine = (rows: Transition[]) => [diagram(rows), transitionTable(rows)];
  return page(
    generatedFrom(
      `the tables \`${SCHEMAS.engine}.transitions\` and \`${SCHEMAS.private}.workflow_transitions\``,
    ),
    '# State machines',
    'A status changes only along the transitions on this page. Triggers refuse every other change with `SB409`, whoever makes it.',
    '## Run',
    await statuses('run_statuses'),
    ...machine(of(ofRuns, 'run')),
    '## Step run',
    await statuses('step_statuses'),
    ...machine(of(ofRuns, 'step')),
    '## Workflow',
    await statuses('workflow_statuses'),
    ...machine(of(ofWorkflows, 'workflow')),
    '## Workflow version',
    'A version has the statuses of a workflow. A published version never changes its content.',
    ...machine(of(ofWorkflows, 'version')),
  );
}
