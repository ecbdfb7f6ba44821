// The SQL of a kit: calls of RPCs as a member, and queries that read a run with its steps, events and tasks.

import pg from 'pg';
import { parseJson } from '../../functions/_shared/text/json-numbers.ts';
import type { Run, RunEvent, StepRun } from '../../sdk/src/index.ts';
import type { ComponentSettings, ScheduleSettings } from './api.ts';

export type Row = Record<string, unknown>;

/** json and jsonb with exact numbers, as the worker reads them; times as text, as the APIs return them. */
const JSON_TYPES: readonly number[] = [114, 3802];
const TIMESTAMPTZ = 1184;

export interface TaskRow extends StepRun {
  task: Row | null;
  assigned_roles: string[] | null;
  signal_name: string | null;
}

export class KitQueries {
  readonly #pool: pg.Pool;

  constructor(url: string) {
    this.#pool = new pg.Pool({
      connectionString: url,
      max: 4,
      application_name: 'stepbase-test-kit',
      connectionTimeoutMillis: 10_000,
      types: {
        getTypeParser: (type, format) =>
          JSON_TYPES.includes(type)
            ? parseJson
            : type === TIMESTAMPTZ
              ? (text: string) => new Date(text).toISOString()
              : pg.types.getTypeParser(type, format),
      },
    });
    this.#pool.on('error', () => undefined);
  }

  async query<R extends object = Row>(text: string, values: unknown[] = []): Promise<R[]> {
    return (await this.#pool.query<R>(text, values)).rows;
  }

  /** Calls `stepbase.<name>` as the Data API does. */
  async rpc(name: string, args: object, user: { id: string; app: string }): Promise<Row[]> {
    const given = Object.entries(args).filter(([, value]) => value !== undefined);
    const list = given.map(([key], at) => `${pg.escapeIdentifier(key)} => $${at + 1}`).join(', ');
    const values = given.map(([, value]) => (isJson(value) ? JSON.stringify(value) : value));
    const claims = { sub: user.id, role: 'authenticated', app_code: user.app };
    const client = await this.#pool.connect();
    try {
      await client.query('begin');
      await client.query("select set_config('request.jwt.claims', $1, true)", [
        JSON.stringify(claims),
      ]);
      await client.query('set local role authenticated');
      const { rows } = await client.query<Row>(
        `select * from stepbase.${pg.escapeIdentifier(name)}(${list})`,
        values,
      );
      await client.query('commit');
      return rows;
    } catch (error) {
      await client.query('rollback');
      throw readable(name, error);
    } finally {
      client.release();
    }
  }

  async createApplication(app: string): Promise<void> {
    await this.query(
      `with organization as (
         insert into stepbase.organizations (slug, name) values ($1, $1) returning id
       )
       insert into stepbase.applications (app_code, organization_id, name)
       select $1, o.id, $1 from organization o`,
      [app],
    );
  }

  /** `name`: the role, and for another member with it a colon and a name. */
  async createMember(app: string, name: string, id: string): Promise<void> {
    const [role = name] = name.split(':');
    await this.query(
      `insert into auth.users (id, aud, role, email, email_confirmed_at)
       values ($1, 'authenticated', 'authenticated', $2, now())`,
      [id, `${name.replace(':', '-')}@${app}.example`],
    );
    await this.query(
      'insert into stepbase.app_members (app_code, user_id, role) values ($1, $2, $3)',
      [app, id, role],
    );
  }

  async readRun(id: string): Promise<(Run & { workflow: string }) | undefined> {
    const [run] = await this.query<Run & { workflow: string }>(
      `select r.*, w.kebab_name as workflow
       from stepbase.runs r join stepbase.workflows w on w.id = r.workflow_id
       where r.id = $1`,
      [id],
    );
    return run;
  }

  readSteps(runId: string): Promise<TaskRow[]> {
    return this.query(
      `select s.* from stepbase.step_runs s where s.run_id = $1
       order by s.created_at, s.step_id, s.item_index, s.attempt`,
      [runId],
    );
  }

  readEvents(runId: string): Promise<RunEvent[]> {
    return this.query(
      `select e.seq::int as seq, e.run_id, e.event_type as type, e.step_id, e.item_index, e.attempt, e.payload,
         e.created_at as at
       from stepbase.run_events e where e.run_id = $1 order by e.seq`,
      [runId],
    );
  }

  async children(runId: string): Promise<string[]> {
    const rows = await this.query<{ id: string }>(
      'select r.id from stepbase.runs r where r.parent_run_id = $1 order by r.created_at, r.id',
      [runId],
    );
    return rows.map(({ id }) => id);
  }

  async isPending(): Promise<boolean> {
    const [row] = await this.query<{ pending: boolean }>(
      'select stepbase_engine.has_pending_work() as pending',
    );
    return row?.pending ?? false;
  }

  /** Whether the run or one below it waits for a time of its own: of a step or of its start. */
  async hasTimer(runId: string): Promise<boolean> {
    const [row] = await this.query<{ timed: boolean }>(
      `with recursive family as (
         select r.id, r.status, r.start_at from stepbase.runs r where r.id = $1
         union all
         select c.id, c.status, c.start_at
         from stepbase.runs c join family f on c.parent_run_id = f.id
         where c.completed_at is null
       )
       select exists (
         select from family f
         where f.status = 'pending'
           or exists (
             select from stepbase.step_runs s
             where s.run_id = f.id and s.status = 'waiting' and s.wake_at is not null
           )
       ) as timed`,
      [runId],
    );
    return row?.timed ?? false;
  }

  async openRuns(app: string): Promise<string[]> {
    const rows = await this.query<{ id: string }>(
      'select r.id from stepbase.runs r where r.app_code = $1 and r.completed_at is null',
      [app],
    );
    return rows.map(({ id }) => id);
  }

  async runsOf(app: string, workflow: string): Promise<string[]> {
    const rows = await this.query<{ id: string }>(
      `select r.id from stepbase.runs r join stepbase.workflows w on w.id = r.workflow_id
       where r.app_code = $1 and w.kebab_name = $2 order by r.created_at, r.id`,
      [app, workflow],
    );
    return rows.map(({ id }) => id);
  }

  /** Its address is never called: a mock answers. */
  async createComponent(
    app: string,
    name: string,
    { implementation_type, input_schema, output_schema, retry_count }: ComponentSettings,
  ): Promise<void> {
    await this.query(
      `insert into stepbase.components
         (app_code, name, implementation_type, endpoint, input_schema, output_schema, retry_count)
       values ($1, $2, coalesce($3, 'service_task'), 'https://component.invalid', $4, $5, coalesce($6, 0))`,
      [app, name, implementation_type, input_schema, output_schema, retry_count],
    );
  }

  async createSchedule(
    app: string,
    workflow: string,
    { cron_expression, timezone, input = {}, overlap_policy }: ScheduleSettings,
  ): Promise<void> {
    const rows = await this.query(
      `insert into stepbase.workflow_schedules
         (app_code, workflow_id, name, cron_expression, timezone, input, overlap_policy)
       select $1, w.id, $2, $3, coalesce($4, 'UTC'), $5, coalesce($6, 'allow')
       from stepbase.workflows w where w.app_code = $1 and w.kebab_name = $2
       returning id`,
      [app, workflow, cron_expression, timezone, JSON.stringify(input), overlap_policy],
    );
    if (rows.length === 0)
      throw new Error(`the test has no workflow ${workflow}: call kit.workflow`);
  }

  async limitRuns(app: string, workflow: string, seconds: number): Promise<void> {
    await this.query(
      `update stepbase.workflows set execution_timeout_seconds = $3
       where app_code = $1 and kebab_name = $2`,
      [app, workflow, seconds],
    );
  }

  async disableSchedules(app: string): Promise<void> {
    await this.query(
      'update stepbase.workflow_schedules set is_enabled = false where app_code = $1 and is_enabled',
      [app],
    );
  }

  async advanceClock(ms: number): Promise<void> {
    await this.query("select stepbase_engine.advance_clock($1 * interval '1 millisecond')", [ms]);
  }

  async milliseconds(interval: string): Promise<number> {
    const [row] = await this.query<{ ms: number }>(
      `select (extract(epoch from stepbase_engine.now() + $1::interval - stepbase_engine.now()) * 1000)::float8 as ms`,
      [interval],
    );
    return row?.ms ?? 0;
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}

/** Arguments of type jsonb; the others are text, numbers and lists of text. */
function isJson(value: unknown): boolean {
  if (Array.isArray(value)) return value.some((item) => typeof item === 'object');
  return typeof value === 'object' && value !== null;
}

/** The error of an RPC with its details, such as the problems of a definition. */
function readable(name: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('detail' in error) || !error.detail) return error;
  return new Error(`${name}: ${error.message}: ${String(error.detail)}`, { cause: error });
}
