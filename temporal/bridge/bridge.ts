// The bridge: delivers commands to Temporal and mirrors histories into the database, until it is stopped. It holds no
// state that matters: everything it knows is in the database and in Temporal, and two bridges do no harm.

import { hostname } from 'node:os';
import { type Clock, systemClock } from '../../functions/_shared/clock/clock.ts';
import { openDb } from '../../functions/_shared/db/pool.ts';
import { backOffMs } from '../../functions/_shared/db/retry.ts';
import type { Log } from '../../functions/_shared/log/log.ts';
import { VERSION } from '../../functions/_shared/version.ts';
import { WakeupListener } from '../../functions/worker/listener.ts';
import { createCluster } from './cluster.ts';
import { createDeliverer } from './deliverer.ts';
import type { BridgeEnv } from './env.ts';
import { createFollower } from './follower.ts';
import { createStore } from './store.ts';

const HEARTBEAT_MS = 15_000;
/** Runs that another bridge started, or whose start was confirmed before a crash, are found within this time. */
const LOAD_MS = 15_000;
const BACK_OFF = { firstMs: 200, longestMs: 10_000 };

export interface Bridge {
  /** What /readyz answers. */
  state(): Promise<{ isReady: boolean; database: string; temporal: string; counts: object }>;
  stop(): Promise<void>;
}

export function startBridge(env: BridgeEnv, log: Log, clock: Clock = systemClock): Bridge {
  const id = `bridge-${hostname()}-${process.pid}`;
  const db = openDb({
    connectionString: env.database.url,
    ssl: env.database.ssl,
    max: env.database.connections,
    applicationName: 'stepbase-bridge',
    direct: env.database.isDirect,
  });
  const store = createStore(db);
  const cluster = createCluster(env.temporal);
  const follower = createFollower({ cluster, store, log, maxReads: env.maxReads });
  const deliverer = createDeliverer({ cluster, store, follower, log, namespace: env.namespace });
  const stopping = new AbortController();
  let isNotified = false;
  let wake = () => {};

  const listener = env.database.isDirect
    ? new WakeupListener({
        connectionString: env.database.url,
        ssl: env.database.ssl,
        clock,
        onWakeup({ kind }) {
          if (kind !== 'temporal' && kind !== 'everything') return;
          isNotified = true;
          wake();
        },
        onError: (message, error) => log.warn(message, { error }),
      })
    : undefined;

  /** Ends early when a command was written, or the bridge stops. */
  function rest(ms: number): Promise<void> {
    if (isNotified || stopping.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => wake(), ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function deliverUntilStopped(): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      isNotified = false;
      try {
        const taken = await deliverer.deliver();
        failures = 0;
        if (taken === 0) await rest(listener?.connected ? 5 * env.pollMs : env.pollMs);
      } catch (error) {
        failures += 1;
        log.warn('commands could not be taken; trying again', { error });
        isNotified = false;
        await rest(backOffMs(failures, BACK_OFF));
      }
    }
  }

  const report = () =>
    store
      .report({
        bridge_id: id,
        address: env.temporal.address,
        version: VERSION,
        facts: { ...follower.counts, ...deliverer.counts },
      })
      .catch((error: unknown) => log.warn('the heartbeat was not written', { error }));
  const load = () =>
    follower
      .load()
      .catch((error: unknown) => log.warn('the open runs could not be read', { error }));

  /** Workers cannot start in a namespace that does not exist. */
  const register = async () => {
    try {
      for (const namespace of await store.namespaces(env.namespace)) {
        await cluster.ensureNamespace(namespace);
      }
    } catch (error) {
      log.warn('the namespaces could not be registered', { error });
    }
  };

  void report();
  void load();
  void register();
  const timers = [
    setInterval(report, HEARTBEAT_MS),
    setInterval(load, LOAD_MS),
    setInterval(register, LOAD_MS),
  ];
  const delivering = deliverUntilStopped();
  log.info('the bridge runs', {
    bridge_id: id,
    temporal: env.temporal.address,
    namespace: env.namespace,
  });

  const probe = (check: Promise<unknown>): Promise<string> =>
    check.then(
      () => 'ok',
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );

  return {
    async state() {
      const [database, temporal] = await Promise.all([
        probe(db.query('select stepbase_engine.version()')),
        probe(cluster.check()),
      ]);
      return {
        isReady: database === 'ok' && temporal === 'ok',
        database,
        temporal,
        counts: { ...follower.counts, ...deliverer.counts },
      };
    },
    async stop() {
      stopping.abort();
      for (const timer of timers) clearInterval(timer);
      wake();
      await Promise.all([delivering, follower.stop(), listener?.stop()]);
      await store.report({ stopped_id: id }).catch(() => undefined);
      await cluster.close();
      await store.close();
      log.info('the bridge has stopped', { bridge_id: id });
    },
  };
}
