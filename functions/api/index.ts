// The function `api`: reads the environment, builds the app once and serves it.
import { apiKeyFinder, userTokenVerifier } from '../_shared/auth/index.ts';
import { systemClock } from '../_shared/clock/clock.ts';
import { openDb } from '../_shared/db/pool.ts';
import { parseEnv } from '../_shared/env/env.ts';
import { askSchema, createHandshake } from '../_shared/handshake/index.ts';
import { createLog } from '../_shared/log/log.ts';
import { openBus } from '../_shared/redis/bus.ts';
import { createApp } from './app.ts';
import { createReads } from './replica/reads.ts';
import { createReplica } from './replica/replica.ts';
import { createOpenStreams } from './stream/open-streams.ts';

const STATEMENT_MS = 15_000;
const STOP_MS = 2_000;
/** A replica that takes longer to connect counts as away. */
const REPLICA_CONNECT_MS = 2_000;

const env = parseEnv(Deno.env.toObject());
const clock = systemClock;
const log = createLog({ level: env.logLevel, fields: { function: 'api' } });
const db = openDb({
  connectionString: env.database.url,
  ssl: env.database.ssl,
  max: env.database.pool,
  applicationName: 'stepbase-api',
  statementTimeoutMs: STATEMENT_MS,
});
const replicaDb =
  env.replica &&
  openDb({
    connectionString: env.replica.url,
    ssl: env.replica.ssl,
    max: env.database.pool,
    applicationName: 'stepbase-api',
    statementTimeoutMs: STATEMENT_MS,
    readOnly: true,
    connectTimeoutMs: REPLICA_CONNECT_MS,
  });
const replica =
  env.replica &&
  replicaDb &&
  createReplica({ primary: db, db: replicaDb, clock, log, maxLagMs: env.replica.maxLagMs });
// Beside the start of the server, as the handshake below.
void replica?.measure();
const bus = openBus(env.redis, log, clock);
const handshake = createHandshake({
  ask: askSchema(db),
  clock,
  onChange: (refusal, schema) =>
    refusal
      ? log.error('the API refuses requests', { code: refusal.code, error: refusal.message })
      : log.info('the API accepts requests', { schema_version: schema?.version }),
});
// Beside the start of the server: the first request waits for the rest of it at most.
void handshake.refusal();
const app = createApp({
  db,
  reads: createReads({ primary: db, replica, clock, log }),
  bus,
  log,
  clock,
  handshake,
  identify: {
    verifyUserToken: userTokenVerifier(env.jwt),
    findApiKey: apiKeyFinder(db),
    publishableKeys: env.publishableKeys,
    secretKeys: env.secretKeys,
  },
  streams: createOpenStreams(),
  storage: env.steps.storage,
  settings: env.api,
  metrics: env.metrics,
});

if (env.port === undefined) {
  Deno.serve(app.fetch);
} else {
  const server = Deno.serve(
    {
      hostname: env.host,
      port: env.port,
      onListen: ({ hostname, port }) => log.info('the API is listening', { hostname, port }),
    },
    app.fetch,
  );
  const stop = () => {
    bus.close();
    // Open event streams would delay the shutdown for minutes; their clients reconnect.
    const cancelExit = clock.after(STOP_MS, () => Deno.exit(0));
    void server
      .shutdown()
      .then(() => Promise.all([db.close(), replicaDb?.close()]))
      .finally(() => {
        cancelExit();
        Deno.exit(0);
      });
  };
  Deno.addSignalListener('SIGTERM', stop);
  Deno.addSignalListener('SIGINT', stop);
}
