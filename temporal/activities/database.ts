// What steps need of the database: the row of their attempt, secrets, queues, other runs, quotas, functions, callbacks
// and stored outputs. An attempt asks for its row when it needs it first; the bridge writes that row.

import { type Clock, pause } from '../../functions/_shared/clock/clock.ts';
import { openDb } from '../../functions/_shared/db/pool.ts';
import type { Env } from '../../functions/_shared/env/env.ts';
import { createEngine, type PlanNode, type Work } from '../../functions/worker/engine/engine.ts';
import {
  CALL_CONNECTIONS,
  createFunctionCalls,
} from '../../functions/worker/engine/function-calls.ts';
import { createLoader } from '../../functions/worker/loader.ts';
import { createOutputs } from '../../functions/worker/outputs/outputs.ts';
import { createStoredOutputQueries } from '../../functions/worker/outputs/queries.ts';
import { createSecrets } from '../../functions/worker/secrets.ts';
import { createStepServices } from '../../functions/worker/step-services.ts';
import { StepError } from '../../functions/worker/steps/errors.ts';
import type { StepContext, StoredPrompt } from '../../functions/worker/steps/types.ts';
import type { StepKey } from '../records.ts';
import type { AttemptCall } from '../runtime/plan.ts';

/** A larger output goes to Supabase Storage: Temporal's payloads are small. */
export const MAX_PAYLOAD_BYTES = 262_144;
/** How long an attempt waits until the bridge has written its row. */
const MIRROR_MS = 60_000;
const PLAN_KEPT_MS = 60_000;

type Attempt = Pick<Work, 'app_code' | 'step_run_id' | 'fence'>;

export type Services = Pick<
  StepContext,
  'queues' | 'runs' | 'usage' | 'functions' | 'callbacks' | 'agentTurns'
>;

export interface NodeFacts {
  node: PlanNode | undefined;
  prompts: Readonly<Record<string, StoredPrompt>> | undefined;
}

export type Database = ReturnType<typeof openDatabase>;

export function openDatabase(env: Env, clock: Clock) {
  const options = {
    connectionString: env.database.url,
    ssl: env.database.ssl,
    direct: env.database.direct,
  };
  const db = openDb({ ...options, max: env.database.pool, applicationName: 'stepbase-temporal' });
  const functionDb = openDb({
    ...options,
    max: CALL_CONNECTIONS,
    applicationName: 'stepbase-functions',
  });
  const engine = createEngine(db, clock);
  const functions = createFunctionCalls(functionDb);
  const relay = () => void db.query("select pg_notify('stepbase', 'outbox')").catch(() => {});
  const services = createStepServices(engine, functions, relay);
  const stored = createStoredOutputQueries(db, clock);
  const plans = new Map<string, { facts: Promise<Map<string, NodeFacts>>; until: number }>();

  async function loadPlan(versionId: string): Promise<Map<string, NodeFacts>> {
    const [plan] = await engine.loadPlans([versionId]);
    const prompts = plan?.prompts ?? undefined;
    return new Map((plan?.nodes ?? []).map((node) => [node.id, { node, prompts }]));
  }

  const entering = createLoader<AttemptCall, Work | undefined>(async (calls) => {
    const rows = await db.query<Work & { ord: number }>(
      `select c.ord::int, w.* from unnest($1::uuid[], $2::text[], $3::int[], $4::int[])
         with ordinality as c (run_id, node, item, attempt, ord)
       cross join lateral stepbase_engine.enter_activity(c.run_id, c.node, c.item, c.attempt) w`,
      [
        calls.map(({ run }) => run.id),
        calls.map(({ node }) => node),
        calls.map(({ item }) => item),
        calls.map(({ attempt }) => attempt),
      ],
    );
    const found = new Map(rows.map(({ ord, ...work }) => [ord, work as Work]));
    return calls.map((_, at) => found.get(at + 1));
  });

  /** The row of the attempt. */
  async function enter(call: AttemptCall, signal: AbortSignal): Promise<Work> {
    // The database starts a compensation when the children of the run have ended, however long that takes.
    const until = call.item === -1 ? Number.POSITIVE_INFINITY : clock.now() + MIRROR_MS;
    for (let waitMs = 20; ; waitMs = Math.min(waitMs * 2, 1_000)) {
      const work = await entering.load(call);
      if (work?.fence === 0) throw new StepError('cancelled', 'the run has ended');
      if (work !== undefined) return work;
      if (clock.now() > until) {
        throw new StepError('not_mirrored', 'the bridge has not written this attempt yet', {
          retryable: true,
        });
      }
      await pause(clock, waitMs, signal);
      signal.throwIfAborted();
    }
  }

  return {
    enter,
    services: (work: Work, key: string): Services => services(work, key),
    report: engine.heartbeat,
    /** The outputs of these nodes as the bridge has mirrored them. Those of an attempt's inputs are there when its row is. */
    async mirrored(runId: string, nodes: readonly string[]): Promise<Map<string, unknown>> {
      const found = await engine.loadOutputs(nodes.map((stepId) => ({ runId, stepId })));
      return new Map(found.map(({ step_id, output }) => [step_id, output]));
    },
    /** A secret of the environment needs no row. */
    secretsOf: (attempt: Attempt, workOf: () => Promise<Work>) => {
      const readSecret: typeof engine.readSecret = async (_stepRunId, _fence, name) => {
        const { step_run_id, fence } = await workOf();
        return await engine.readSecret(step_run_id, fence, name);
      };
      return createSecrets({ readSecret }, env.secrets)(attempt);
    },
    /** The component, tools and prompts of a node. */
    async facts(versionId: string, { node }: StepKey): Promise<NodeFacts | undefined> {
      const kept = plans.get(versionId);
      if (kept !== undefined && kept.until > clock.now()) return (await kept.facts).get(node);
      const facts = loadPlan(versionId);
      facts.catch(() => plans.delete(versionId));
      plans.set(versionId, { facts, until: clock.now() + PLAN_KEPT_MS });
      return (await facts).get(node);
    },
    /** `workOf`: the row of the attempt, which owns the stored object. */
    outputs: (workOf: () => Promise<Work>) =>
      createOutputs({
        queries: { register: async (_attempt, size) => stored.register(await workOf(), size) },
        storage: env.steps.storage,
        limitBytes: Math.min(env.worker.outputBytes || MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES),
        clock,
      }),
    async close(): Promise<void> {
      await Promise.all([db.close(), functionDb.close()]);
    },
  };
}
