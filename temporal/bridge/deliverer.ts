// The deliverer: takes what the database decided and hands it to Temporal, the commands of a run in their order, each
// at least once. A command is deleted after Temporal has accepted it.

import { backOffMs } from '../../functions/_shared/db/retry.ts';
import type { Log } from '../../functions/_shared/log/log.ts';
import type { Command, Json, StartArgs } from '../records.ts';
import { fitting, MAX_OUTPUTS_CHARS } from '../runtime/payloads.ts';
import { type Cluster, isRefused } from './cluster.ts';
import type { Follower } from './follower.ts';
import type { Start, Store, TakenCommand } from './store.ts';

const BACK_OFF = { firstMs: 250, longestMs: 10_000 };
const LIMIT = 200;

export interface DelivererOptions {
  cluster: Cluster;
  store: Store;
  follower: Pick<Follower, 'follow' | 'poke'>;
  log: Log;
  /** Name of the namespace of an application; {app} stands for its app_code. */
  namespace: string;
}

export interface Deliverer {
  /** Delivers what is due and returns how many commands it took. */
  deliver(): Promise<number>;
  readonly counts: { delivered: number; postponed: number };
}

export function createDeliverer(options: DelivererOptions): Deliverer {
  const { cluster, store, follower, log } = options;
  const counts = { delivered: 0, postponed: 0 };

  async function start(taken: TakenCommand): Promise<void> {
    const { workflow_type: type, args } = taken.payload as unknown as Start;
    await cluster.ensureNamespace(taken.namespace);
    await cluster.start({
      namespace: taken.namespace,
      id: taken.run_id,
      type,
      taskQueue: taken.task_queue,
      args: withinMessage(args),
    });
  }

  async function send({
    id,
    kind,
    payload,
    namespace,
    run_id: runId,
  }: TakenCommand): Promise<void> {
    const fitted = 'output' in payload ? { ...payload, ...outputOf(payload) } : payload;
    const command = { ...fitted, id: Number(id), kind } as unknown as Command;
    const isOpen = await cluster.send(namespace, runId, command);
    if (!isOpen) log.debug('a command came after the end of its workflow', { run_id: runId, kind });
  }

  async function deliverOne(taken: TakenCommand): Promise<void> {
    if (taken.kind === 'start') {
      await start(taken);
      follower.follow({
        run_id: taken.run_id,
        namespace: taken.namespace,
        temporal_run_id: null,
        last_event_id: '0',
      });
    } else {
      await send(taken);
      follower.poke(taken.run_id);
    }
    // Last: if this answer is lost, the command is delivered again, which changes nothing.
    await store.confirm([taken.id]);
    counts.delivered += 1;
  }

  /** The later commands of the run wait for the first one that fails. */
  async function deliverRun(commands: readonly TakenCommand[]): Promise<void> {
    for (const taken of commands) {
      try {
        await deliverOne(taken);
      } catch (error) {
        await giveBack(taken, error);
        return;
      }
    }
  }

  async function giveBack(taken: TakenCommand, error: unknown): Promise<void> {
    const reason = error instanceof Error ? error.message : String(error);
    const { run_id: runId, kind } = taken;
    try {
      if (isRefused(error)) {
        log.error('Temporal refuses a command; its run fails', { run_id: runId, kind, error });
        await store.fail(
          runId,
          'engine_refused',
          `Temporal refuses to ${kind} the workflow: ${reason}`,
        );
        if (kind !== 'start')
          await cluster.terminate(taken.namespace, runId, 'Stepbase failed the run');
        return;
      }
      counts.postponed += 1;
      log.warn('a command was not delivered; trying again', { run_id: runId, kind, error });
      await store.postpone(runId, backOffMs(taken.attempts, BACK_OFF), `Temporal: ${reason}`);
    } catch (again) {
      // Its lease ends.
      log.warn('a command could not be given back', { run_id: runId, error: again });
    }
  }

  return {
    counts,
    async deliver() {
      const taken = await store.take(options.namespace, LIMIT);
      const byRun = Map.groupBy(taken, ({ run_id: runId }) => runId);
      await Promise.all([...byRun.values()].map(deliverRun));
      return taken.length;
    },
  };
}

/** The outputs are in the database: activities read those there that are too large for a message of Temporal. */
const outputOf = ({ output = null }: TakenCommand['payload']): Record<string, Json> =>
  fitting({ output }, MAX_OUTPUTS_CHARS);

function withinMessage(args: StartArgs): StartArgs {
  const { taken } = args;
  if (taken === undefined) return args;
  const outputs = fitting(
    Object.fromEntries(taken.map(({ node, output = null }) => [node, output])),
    MAX_OUTPUTS_CHARS,
  );
  return {
    ...args,
    taken: taken.map((one) =>
      'output' in one ? { ...one, output: outputs[one.node] ?? null } : one,
    ),
  };
}
