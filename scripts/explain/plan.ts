// Reads the plan of a workflow from the database as its owner, with stepbase_engine.explain_version.

import type pg from 'pg';
import type { CheckContext, Fault } from '../../functions/_shared/checker/index.ts';
import type { DefinitionFault } from '../../functions/_shared/errors/index.ts';
import { ExplainError, withDatabase } from './database.ts';

export interface PlanNode {
  ordinal: number;
  id: string;
  type: string;
  label: string;
  reads: string[];
  reads_everything: boolean;
  secrets: string[];
  from: { node: string; handle?: string }[];
  to: { node: string; handle?: string }[];
  join: 'all' | 'any';
  on_error: 'fail' | 'continue';
  attempt_timeout_ms?: number;
  deadline_ms?: number | string;
  concurrency?: number | string;
  each?: string;
  workflow?: string;
  component?: string;
  /** What the version is pinned to; without an id, the component no longer exists. */
  components?: {
    part: 'step' | 'item' | 'compensation';
    reference: string;
    id?: string;
    app_code?: string;
    name?: string;
    version?: string;
  }[];
  compensate?: string;
  retry?: { max_attempts: number; waits_ms: number[]; [key: string]: unknown };
}

export interface Plan {
  workflow: string;
  name: string;
  app_code: string;
  version: number;
  status: string;
  limits: {
    execution_timeout_seconds: number;
    max_concurrent_executions: number | null;
    task_queue: {
      name: string;
      max_concurrent_workflows: number | null;
      max_concurrent_activities: number | null;
    } | null;
  };
  nodes: PlanNode[];
  problems: DefinitionFault[];
  warnings: { node_id: string; code: string; message: string }[];
  /** What a worker found after the version was published; null before, and for a draft. */
  check: { checked_at: string; checker_version: number; findings: Fault[] } | null;
  /** What the checker finds now, beyond the problems. */
  faults: Fault[];
}

export interface Question {
  workflow: string;
  version?: number | undefined;
  app?: string | undefined;
}

const SUGGESTIONS = 10;

export const readPlan = (dbUrl: string, question: Question): Promise<Plan> =>
  withDatabase(dbUrl, (client) => ask(client, question));

interface Found {
  app_code: string;
  version_id: string | null;
}

async function ask(client: pg.Client, { workflow, version, app }: Question): Promise<Plan> {
  const { rows } = await client.query<Found>(
    `select w.app_code, case
         when $2::int is null then coalesce(w.published_version_id, w.latest_version_id)
         else (select v.id from stepbase.workflow_versions v
               where v.workflow_id = w.id and v.version = $2::int)
       end as version_id
     from stepbase.workflows w
     where w.kebab_name = $1 and w.deleted_at is null and ($3::text is null or w.app_code = $3)
     order by w.app_code`,
    [workflow, version ?? null, app ?? null],
  );
  const [found, ...others] = rows;
  if (!found) throw new ExplainError(await unknown(client, workflow, app));
  if (others.length > 0) {
    const apps = rows.map(({ app_code }) => app_code).join(', ');
    throw new ExplainError(
      `several applications have a workflow ${workflow}: give --app (${apps})`,
    );
  }
  if (!found.version_id) {
    throw new ExplainError(`workflow ${workflow} has no version ${version ?? ''}`.trimEnd());
  }
  const plan = await client.query<{
    plan: Omit<Plan, 'faults'>;
    definition: unknown;
    context: CheckContext;
  }>(
    `select stepbase_engine.explain_version(v.id) as plan, v.definition,
       stepbase_private.check_context(v.app_code, v.workflow_id, v.definition, v.input_schema) as context
     from stepbase.workflow_versions v where v.id = $1`,
    [found.version_id],
  );
  const [row] = plan.rows;
  if (!row?.plan) throw new ExplainError(`workflow ${workflow} cannot be read`);
  // Loaded late: the parsers take longer to load than a refusal of the arguments takes.
  const { checkDefinition } = await import('../../functions/_shared/checker/index.ts');
  const faults = await checkDefinition(row.definition, row.context);
  const known = new Set(row.plan.problems.map(({ message }) => message));
  return { ...row.plan, faults: faults.filter(({ message }) => !known.has(message)) };
}

async function unknown(
  client: pg.Client,
  workflow: string,
  app: string | undefined,
): Promise<string> {
  const { rows } = await client.query<{ kebab_name: string }>(
    `select distinct w.kebab_name from stepbase.workflows w
     where w.deleted_at is null and ($1::text is null or w.app_code = $1)
     order by w.kebab_name limit $2`,
    [app ?? null, SUGGESTIONS],
  );
  const where = app === undefined ? '' : ` in the application ${app}`;
  const known = rows.map(({ kebab_name }) => kebab_name).join(', ') || 'none';
  return `there is no workflow ${workflow}${where} (there are: ${known}${rows.length === SUGGESTIONS ? ', …' : ''})`;
}
