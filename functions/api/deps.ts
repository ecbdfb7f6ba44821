// The dependencies of the API, which index.ts creates once, and the variables of one request.
import type { Identify, MemberCaller } from '../_shared/auth/index.ts';
import type { Clock } from '../_shared/clock/clock.ts';
import type { Db } from '../_shared/db/pool.ts';
import type { Env } from '../_shared/env/env.ts';
import type { Handshake } from '../_shared/handshake/index.ts';
import type { Log } from '../_shared/log/log.ts';
import type { Bus } from '../_shared/redis/bus.ts';
import type { StorageAccess } from '../_shared/storage/objects.ts';
import type { Reads } from './replica/reads.ts';
import type { OpenStreams } from './stream/open-streams.ts';

export interface Deps {
  /** The primary. */
  db: Db;
  /** Reads that a replica may answer. */
  reads: Reads;
  bus: Bus;
  log: Log;
  clock: Clock;
  identify: Identify;
  /** Whether the schema fits this version of the API. */
  handshake: Handshake;
  streams: OpenStreams;
  /** Supabase Storage, for outputs that are not in the database. */
  storage: StorageAccess;
  settings: Env['api'];
  metrics: Env['metrics'];
}

export interface ApiEnv {
  Variables: {
    requestId: string;
    log: Log;
    /** Set on every route below /v1: a user or an API key. */
    member: MemberCaller;
  };
}
