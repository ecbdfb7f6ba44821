// docs/reference/workflow-states.md: the legal changes of status of workflows and versions, from the table
// that their triggers enforce. Runs and steps are on docs/concepts/lifecycle.md.

import type pg from 'pg';
import { SCHEMAS } from '../database/schemas.ts';
import { block, code, generatedFrom, page, table } from './markdown.ts';

interface Transition {
  entity: string;
  from_status: string;
  to_status: string;
}

interface Status {
  name: string;
  description: string;
  is_runnable: boolean;
  is_editable: boolean;
}

function diagram(transitions: Transition[]): string {
  return block(
    'mermaid',
    [
      'stateDiagram-v2',
      '  [*] --> draft',
      ...transitions.map(({ from_status: from, to_status: to }) => `  ${from} --> ${to}`),
    ].join('\n'),
  );
}

const yes = (value: boolean) => (value ? 'yes' : '');

export async function workflowStatesPage(client: pg.Client): Promise<string> {
  const { rows } = await client.query<Transition>(
    `select t.entity, t.from_status, t.to_status
     from ${SCHEMAS.private}.workflow_transitions t
     join ${SCHEMAS.exposed}.workflow_statuses f on f.name = t.from_status
     join ${SCHEMAS.exposed}.workflow_statuses g on g.name = t.to_status
     order by t.entity, f.ordinal, g.ordinal`,
  );
  const { rows: statuses } = await client.query<Status>(
    `select name, description, is_runnable, is_editable
     from ${SCHEMAS.exposed}.workflow_statuses order by ordinal`,
  );
  return page(
    generatedFrom(`the table \`${SCHEMAS.private}.workflow_transitions\``),
    '# The states of a workflow and of a version',
    'A workflow and each of its versions have one status. It changes only along the transitions on this page; a trigger refuses every other change with `SB409`. The states of runs and steps are in [lifecycle](../concepts/lifecycle.md).',
    table(
      ['status', 'meaning', 'runs can start', 'content can change'],
      statuses.map((status) => [
        code(status.name),
        status.description,
        yes(status.is_runnable),
        yes(status.is_editable),
      ]),
    ),
    '## Workflow',
    diagram(rows.filter(({ entity }) => entity === 'workflow')),
    '## Version',
    'A published version never changes its content. Saving again creates the next draft.',
    diagram(rows.filter(({ entity }) => entity === 'version')),
  );
}
