// The HTTP API is complete: each function and each table that clients reach in the schema stepbase has a route, or a
// reason here. Each POST that creates takes an Idempotency-Key, or has a reason here. generated.requests.test.ts proves
// that each route works.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { OPERATIONS } from '../../functions/api/operations.ts';
import { LOOKUPS } from '../../functions/api/resource-queries.ts';
import { ROOT } from '../../scripts/stack/options.ts';
import { sql } from './support.ts';

const SOURCE = globSync('functions/api/**/*.ts', { cwd: ROOT })
  .filter((path) => !path.endsWith('/tables.ts') && !path.endsWith('/views.ts'))
  .map((path) => readFileSync(join(ROOT, path), 'utf8'))
  .join('\n');

const FUNCTIONS_WITHOUT_ROUTE: Readonly<Record<string, string>> = {
  context: 'a computed column of runs; GET /v1/runs/{run_id}/context returns it',
  query_run: 'the route calls stepbase_private.query_run, because it evaluates JSONata itself',
  register_worker: 'workers of compiled projects call it with a client of Supabase',
  search_workflows: 'GET /v1/workflows has the parameter q',
  version: 'GET /readyz and a header of each response have it',
};
const TABLES_WITHOUT_ROUTE: Readonly<Record<string, string>> = {
  run_context: 'GET /v1/runs/{run_id}/context returns it at each version',
  run_values: 'the filters input and tag of POST /v1/runs/search read it',
  temporal_runs: 'GET /v1/runs/{run_id}/explain has the facts of a step in Temporal',
  workflow_nodes:
    'derived from the definition of a version, which GET …/versions/{version} returns',
  workflow_edges:
    'derived from the definition of a version, which GET …/versions/{version} returns',
  workflow_version_checks: 'GET /v1/workflows/{kebab_name}/explain returns the check',
};
/** Each changes or calls what exists; a repeated request has the same result or is refused. */
const POSTS_WITHOUT_KEY: Readonly<Record<string, string>> = {
  validateDefinition: 'writes nothing',
  searchRuns: 'writes nothing',
  countRuns: 'writes nothing',
  searchWorkflows: 'writes nothing',
  previewRerun: 'writes nothing',
  previewContinue: 'writes nothing',
  decideTaskLink: 'a link is used once',
  verifyAuditLog: 'writes nothing',
  saveDraft: 'the same draft again is the same draft; If-Match guards it',
  publishWorkflow: 'a version is published once',
  compileWorkflow: 'the same code is the same compilation',
  callWebhook: 'the delivery id of the sender is the key',
  callMcp: 'its tool start_run takes the key as an argument',
  failCallback: 'a repeated answer changes nothing',
  heartbeatCallback: 'creates nothing',
  logCallback: 'log lines may be written twice',
  retryWebhookDelivery: 'a delivery that is pending is refused',
  previewRunOperation: 'writes nothing',
  resendInvitation: 'replaces the link of one invitation; mails are limited per hour',
};
/** The last part of the path of a POST that changes the state of one row. */
const CHANGES =
  /\/(archive|restore|cancel|pause|resume|complete|rollback|revoke|adopt|erase|read|decline|switch|deactivate|reactivate|transfer|leave|claim|release|delegate|promote|stop)$|^\/v1\/approvals\//;

it('has a route for each function that clients execute', async () => {
  const rows = await sql<{ name: string }>(
    `select distinct p.proname as name from pg_proc p
     where p.pronamespace = 'stepbase'::regnamespace
       and has_function_privilege('authenticated', p.oid, 'execute')`,
  );
  const missing = rows
    .map(({ name }) => name)
    .filter((name) => !new RegExp(`(stepbase\\.|['"\`])${name}\\(`).test(SOURCE));
  expect(missing.sort()).toEqual(Object.keys(FUNCTIONS_WITHOUT_ROUTE).sort());
});

it('has a route for each table and view that clients read, and for each that they write', async () => {
  const rows = await sql<{ name: string; is_lookup: boolean; is_written: boolean }>(
    `select c.relname as name, has_any_column_privilege('authenticated', c.oid, 'insert') as is_written,
       exists (
         select from pg_attribute a where a.attrelid = c.oid and a.attname = 'ordinal'
       ) and not exists (
         select from pg_attribute a where a.attrelid = c.oid and a.attname = 'app_code'
       ) as is_lookup
     from pg_class c
     where c.relnamespace = 'stepbase'::regnamespace and c.relkind in ('r', 'p', 'v')
       and not c.relispartition
       and has_any_column_privilege('authenticated', c.oid, 'select')`,
  );
  const lookups = rows.filter(({ is_lookup }) => is_lookup).map(({ name }) => name);
  expect(lookups.sort()).toEqual([...LOOKUPS, 'step_types'].sort());
  const missing = rows
    .map(({ name }) => name)
    .filter((name) => !new RegExp(`stepbase\\.${name}\\b|table: '${name}'`).test(SOURCE));
  const others = missing.filter((name) => !lookups.includes(name));
  expect(others.sort()).toEqual(Object.keys(TABLES_WITHOUT_ROUTE).sort());
  const written = rows.filter(({ is_written }) => is_written).map(({ name }) => name);
  const unwritten = written.filter(
    (name) => !new RegExp(`table: '${name}'|insert into stepbase\\.${name}\\b`).test(SOURCE),
  );
  expect(unwritten).toEqual([]);
});

it('takes an Idempotency-Key on each POST that creates', () => {
  const without = OPERATIONS.filter(
    ({ method, path, headers }) =>
      method === 'POST' && headers?.['Idempotency-Key'] === undefined && !CHANGES.test(path),
  );
  expect(without.map(({ id }) => id).sort()).toEqual(Object.keys(POSTS_WITHOUT_KEY).sort());
});
