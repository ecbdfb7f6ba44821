// The test bundle of the engine: short notation for workflows, starting and awaiting their runs through
// supabase-js, and the audit of every row that the engine wrote about them.

import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, expect } from 'vitest';
import { auditRuns, TERMINAL } from '../../scripts/chaos/audit.ts';
import type { Database, Json } from '../../types/database.ts';
import {
  pool,
  type StackClient,
  type StackInfo,
  signedIn,
  stackInfo,
  waitFor,
} from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { messageProblems } from './messages.ts';

type Tables = Database['stepbase']['Tables'];
export type Run = Tables['runs']['Row'];
export type StepRun = Tables['step_runs']['Row'];

export interface NodeOptions {
  retry?: Json;
  timeout_ms?: number;
  on_error?: 'fail' | 'continue';
  join?: 'all' | 'any';
}

export type Node = { id: string; type: string; data: Json };

export function node(id: string, type: string, config: Json, options: NodeOptions = {}): Node {
  return { id, type, data: { config, ...options } as Json };
}

/** A transform, the cheapest step type. */
export const value = (id: string, expression = '1', options: NodeOptions = {}): Node =>
  node(id, 'transform', { expression }, options);

/** A step that fails without a retry. */
export const failing = (id: string, options: NodeOptions = {}): Node =>
  value(id, `$error("${id} fails")`, options);

/** 'a > b', or 'a > b : handle'. */
export function edges(...lines: string[]): Json[] {
  return lines.map((line, index) => {
    const [path = '', handle] = line.split(':').map((part) => part.trim());
    const [source = '', target = ''] = path.split('>').map((part) => part.trim());
    return { id: `e${index}`, source, target, ...(handle ? { sourceHandle: handle } : {}) };
  });
}

export interface SignedIn {
  db: pg.Pool;
  developer: StackClient;
  admin: StackClient;
  stack: StackInfo;
}

export interface Ended {
  run: Run & { context: Record<string, unknown> };
  /** All attempts and items, in the order they were made. */
  all: StepRun[];
  /** The last attempt of the step itself. */
  step(id: string): StepRun;
  /** Last status of every step that the run reached. */
  statuses: Record<string, string>;
}

export interface TestApp extends SignedIn {
  /** Saves and publishes; returns the kebab name. */
  publish(
    nodes: Node[],
    lines?: string[],
    more?: { input_schema?: Json; name?: string },
  ): Promise<string>;
  start(workflow: string, input?: Json, more?: Record<string, unknown>): Promise<Run>;
  /** Resolves when the run has ended; its rows have passed the audit. */
  ended(runId: string, deadlineMs?: number): Promise<Ended>;
  /** Publishes, starts and awaits the end. */
  run(nodes: Node[], lines?: string[], input?: Json): Promise<Ended>;
  /** Resolves with the step run when it has the status. */
  stepIs(runId: string, stepId: string, status: string, deadlineMs?: number): Promise<StepRun>;
  /** Moves the engine's clock; only on a stack that the test does not share. */
  advance(interval: string): Promise<void>;
}

/** Signs in two members and opens a pool, on the shared stack or another one. */
export async function testApp(stack: StackInfo = stackInfo()): Promise<TestApp> {
  const db = pool(stack.db_url);
  const [developer, admin] = await Promise.all([
    signedIn('developer@acme', stack),
    signedIn('admin@acme', stack),
  ]);
  const published: string[] = [];
  afterAll(() => retire(db, published));

  async function publish(
    nodes: Node[],
    lines: string[] = [],
    more: { input_schema?: Json; name?: string } = {},
  ): Promise<string> {
    const name = `t-${randomUUID()}`;
    const definition = { nodes, edges: edges(...lines) };
    const saved = await developer
      .rpc('save_workflow', { kebab_name: name, definition, ...more })
      .single<{ id: string }>();
    if (saved.error) throw new Error(`${saved.error.message} ${saved.error.details}`);
    const made = await developer.rpc('publish_workflow', { workflow_version_id: saved.data.id });
    if (made.error) throw new Error(`${made.error.message} ${made.error.details}`);
    published.push(name);
    return name;
  }

  async function start(workflow: string, input: Json = {}, more = {}): Promise<Run> {
    const { data, error } = await developer
      .rpc('start_run', { workflow, input, ...more })
      .single<Run>();
    if (error) throw new Error(`${error.code} ${error.message} ${error.details}`);
    return data;
  }

  async function ended(runId: string, deadlineMs = 20_000): Promise<Ended> {
    await waitFor(`run ${runId} ends`, () => hasEnded(db, runId), deadlineMs);
    await expectLegalHistory(db, runId);
    return await readRun(developer, runId);
  }

  return {
    db,
    developer,
    admin,
    stack,
    publish,
    start,
    ended,
    async run(nodes, lines = [], input = {}) {
      const { id } = await start(await publish(nodes, lines), input);
      return await ended(id);
    },
    async stepIs(runId, stepId, status, deadlineMs = 15_000) {
      return await waitFor(
        `${stepId} is ${status}`,
        async () => {
          const { rows } = await db.query<StepRun>(
            `select * from stepbase.step_runs where run_id = $1 and step_id = $2 and status = $3
             order by attempt desc limit 1`,
            [runId, stepId, status],
          );
          return rows[0];
        },
        deadlineMs,
      );
    },
    async advance(interval) {
      await db.query('select stepbase_engine.advance_clock($1::interval)', [interval]);
      await db.query("notify stepbase, 'due'");
    },
  };
}

/** Runs keep their workflow, so it is marked as deleted and disappears from lists. */
async function retire(db: pg.Pool, names: readonly string[]): Promise<void> {
  await db.query('update stepbase.workflows set deleted_at = now() where kebab_name = any($1)', [
    names,
  ]);
}

async function hasEnded(db: pg.Pool, runId: string): Promise<boolean> {
  const { rows } = await db.query<{ status: string }>(
    'select status from stepbase.runs where id = $1',
    [runId],
  );
  return TERMINAL.has(rows[0]?.status ?? '');
}

const DELIVERY_DEADLINE_MS = scaled(3_000);

/** Ended runs must have gapless events, messages and context, legal transitions, no open step and no job. */
export async function expectLegalHistory(db: pg.Pool, ...runIds: string[]): Promise<void> {
  // The job of a run that was cancelled before its first claim exists until it is delivered.
  let problems = await auditRuns(db, runIds);
  const end = Date.now() + DELIVERY_DEADLINE_MS;
  while (problems.some(({ kind }) => kind === 'orphan_job') && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    problems = await auditRuns(db, runIds);
  }
  expect([
    ...problems.map(({ runId, kind, text }) => `${runId} ${kind}: ${text}`),
    ...(await messageProblems(db, runIds)),
  ]).toEqual([]);
}

/** A run as a member sees it. */
export async function readRun(client: StackClient, runId: string): Promise<Ended> {
  const [run, steps] = await Promise.all([
    client.from('runs').select('*, context').eq('id', runId).single<Ended['run']>(),
    readSteps(client, runId),
  ]);
  if (run.error) throw new Error(run.error.message);
  const own = steps.filter((step) => step.item_index === 0);
  const last = new Map(own.map((step) => [step.step_id, step]));
  return {
    run: run.data,
    all: steps,
    step(id) {
      const step = last.get(id);
      if (!step) throw new Error(`the run did not reach ${id}`);
      return step;
    },
    statuses: Object.fromEntries([...last].map(([id, step]) => [id, step.status])),
  };
}

const PAGE = 1_000;

async function readSteps(client: StackClient, runId: string): Promise<StepRun[]> {
  const steps: StepRun[] = [];
  for (let page = 0; page < 20; page += 1) {
    const { data, error } = await client
      .from('step_runs')
      .select('*')
      .eq('run_id', runId)
      .order('step_id')
      .order('item_index')
      .order('attempt')
      .range(page * PAGE, (page + 1) * PAGE - 1)
      .overrideTypes<StepRun[], { merge: false }>();
    if (error) throw new Error(error.message);
    steps.push(...data);
    if (data.length < PAGE) break;
  }
  return steps;
}

/** SQLSTATE and stable code of a rejected call. */
export function codeOf(result: { error: { code: string; details: string } | null }): string {
  if (!result.error) return 'none';
  const details = JSON.parse(result.error.details || '{}') as { code?: string };
  return `${result.error.code} ${details.code}`;
}
