// /rest/v1: the Data API of @supabase/lite as role authenticator, which has no rights of its own: every request runs
// as the role of its claims, and only migrations grant privileges.

import { setTimeout as sleep } from 'node:timers/promises';
import type { IntrospectResult } from '@supabase/lite';
import type { PostgresConnection } from '@supabase/lite/postgres';
import pg from 'pg';
import type { ProjectConfig } from './config-toml.ts';
import type { Gatekeeper } from './identity.ts';
import { jsonValue, markNumbers, numberValue, textValue } from './json-values.ts';
import { closePool, ENDS_WITH_CLIENT } from './postgres/close-pool.ts';
import { normalizeDbError } from './rest-errors.ts';
import { withSilencedConsole } from './silenced-console.ts';

export interface RestService {
  fetch(request: Request): Promise<Response>;
  stop(): Promise<void>;
}

interface RestOptions {
  /** URL for authenticator. */
  dbUrl: string;
  /** URL for postgres, which can see every table when the schema is read. */
  introspectionUrl: string;
  project: ProjectConfig;
  gatekeeper: Gatekeeper;
  onError: (message: string) => void;
}

export async function startRest(options: RestOptions): Promise<RestService> {
  let api = await openApi(options, START_MS);
  const watch = await watchDatabase(options.introspectionUrl, {
    changed: () => api.readSchema(),
    // After a connection loss the pool may count lost connections forever, so a new Data API replaces it.
    async back(attempt) {
      const before = api;
      api = await openApi(options, attempt * REOPEN_MS);
      await before.close();
    },
  });
  return {
    fetch: (request) => api.fetch(request),
    async stop() {
      await watch.stop();
      await api.close();
    },
  };
}

interface Api {
  fetch(request: Request): Promise<Response>;
  readSchema(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a Data API with its own pool, or rejects after `ms`: statements of a connection that breaks never settle. */
async function openApi(options: RestOptions, ms: number): Promise<Api> {
  const { App } = await import('@supabase/lite');
  const { createPostgresConnection } = await import('@supabase/lite/postgres');
  const connection = createPostgresConnection({
    url: options.dbUrl,
    postgresOptions: {
      max: 20,
      idle_timeout: 60,
      // Named statements would remain after a migration that changes their result types.
      prepare: false,
      onnotice: () => undefined,
      connection: ENDS_WITH_CLIENT,
      types: {
        timestamp: isoTime(1114),
        timestamptz: isoTime(1184),
        json: jsonValue(114),
        jsonb: jsonValue(3802),
        bigint: numberValue(20),
        numeric: numberValue(1700),
        text: textValue(25),
        varchar: textValue(1043),
      },
    },
  });
  const introspector = createPostgresConnection({
    url: options.introspectionUrl,
    postgresOptions: {
      max: 2,
      idle_timeout: 20,
      onnotice: () => undefined,
      connection: ENDS_WITH_CLIENT,
    },
  });
  Object.defineProperties(connection, {
    // By default lite grants everything in every schema to the API roles; hosted projects do not.
    ensureRlsContext: { value: async () => true },
    normalizeDbError: { value: normalizeDbError },
    introspect: { value: async () => schema ?? (await read()) },
    viewOptionsMetadata: { value: introspector.viewOptionsMetadata.bind(introspector) },
  });
  // The known schema stays in use while a new one is read, because reading waits for the locks of migrations.
  let schema: IntrospectResult | undefined;
  let reading: Promise<unknown> = Promise.resolve();
  const read = () => {
    const result = reading.then(async () => {
      schema = await readSchema(introspector);
      return schema;
    });
    reading = result.catch(() => undefined);
    return result;
  };
  const claimsOf = new WeakMap<Request, Record<string, unknown>>();
  const app = new App({
    connection,
    api: {
      enabled: true,
      schemas: options.project.api.schemas,
      max_rows: options.project.api.max_rows,
      // Hosted projects load pg-safeupdate for authenticator; it also checks the bodies of functions, which here only
      // the rule `unfiltered-write` of scripts/sql-lint does.
      pg_safe_update: true,
    },
    auth: { enabled: false },
    db: { migrations: { enabled: false } },
    options: {
      server: {
        disableStudio: true,
        // The Gatekeeper has already verified the request, which has its claims.
        apiKeys: {
          resolver: async (_key, context) => {
            const claims = claimsOf.get(context.req.raw);
            if (!claims) return null;
            return { type: claims.role === 'service_role' ? 'secret' : 'publishable', claims };
          },
        },
      },
    },
  });
  const asking = new Set<{ answered: Promise<Response>; giveUp(): void }>();
  const close = async () => {
    // A request consists of several statements: requests in flight have time to complete them.
    const late = new AbortController();
    await Promise.race([
      Promise.allSettled([...asking].map(({ answered }) => answered)),
      sleep(CLOSE_GRACE_MS, undefined, { signal: late.signal }).catch(() => undefined),
    ]);
    late.abort();
    await Promise.all([closePool(connection), closePool(introspector)]);
    // A query on a closed pool never settles, so pending requests are ended here.
    for (const { giveUp } of asking) giveUp();
  };
  try {
    await within(ms, async () => {
      await app.init();
      await read();
    });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    close,
    async readSchema() {
      await read();
    },
    fetch: async (request) => {
      const identity = await options.gatekeeper.identify(request.headers, new URL(request.url));
      if (!identity.ok) return identity.response;
      const headers = new Headers(request.headers);
      headers.delete('authorization');
      headers.set('apikey', 'resolved');
      const resolved = await exactBody(request, headers);
      claimsOf.set(resolved, identity.claims);
      const { promise: answered, resolve, reject } = Promise.withResolvers<Response>();
      const asked = { answered, giveUp: () => resolve(noDatabase()) };
      asking.add(asked);
      withSilencedConsole(() => app.fetch(resolved)).then(resolve, reject);
      return await answered.finally(() => asking.delete(asked));
    },
  };
}

/** The request for lite: with other headers, and with every number of its JSON body. */
async function exactBody(request: Request, headers: Headers): Promise<Request> {
  const type = headers.get('content-type') ?? '';
  if (request.body === null || (type !== '' && !/\bjson\b/i.test(type))) {
    return new Request(request, { headers });
  }
  const { method, signal } = request;
  const body = markNumbers(await request.text());
  headers.delete('content-length');
  return new Request(request.url, { method, headers, body, signal });
}

/** The response of PostgREST without a database. */
function noDatabase(): Response {
  return Response.json(
    {
      code: 'PGRST000',
      message: 'Database connection error. Retrying the connection.',
      details: null,
      hint: null,
    },
    { status: 503 },
  );
}

/** The current schema; only constraints count as unique, as in PostgREST. */
async function readSchema(introspector: PostgresConnection): Promise<IntrospectResult> {
  const schema = await introspector.introspect({ useCache: false });
  const key = (of: { schema?: string; table: string; name: string }) =>
    `${of.schema ?? 'public'}.${of.table}.${of.name}`;
  const constraints = new Set((schema.unique_constraints ?? []).map(key));
  for (const index of schema.indexes) {
    // A partial unique index does not limit the number of rows of a relationship.
    if (index.unique && !constraints.has(key(index))) index.unique = false;
  }
  return schema;
}

/** Formats times as PostgreSQL does in JSON: 2026-11-20T21:41:00.5+00:00. */
function isoTime(oid: number) {
  return {
    to: oid,
    from: [oid],
    serialize: (value: string) => value,
    parse: (value: string) =>
      value
        .replace(' ', 'T')
        .replace(/([+-]\d\d)(:?)(\d\d)?$/, (_all, hours, _colon, minutes) =>
          oid === 1184 ? `${hours}:${minutes ?? '00'}` : _all,
        ),
  };
}

const START_MS = 60_000;
/** For the first attempt after a connection loss; later ones have a multiple, because a busy machine is slow. */
const REOPEN_MS = 10_000;
const RECONNECT_MS = 250;
const CLOSE_GRACE_MS = 2_000;
const LISTEN_MS = 5_000;

/** Rejects when the work takes longer. While PostgreSQL starts, a connection can end without a word to its driver. */
async function within(ms: number, work: () => Promise<void>): Promise<void> {
  const late = new AbortController();
  const deadline = sleep(ms, undefined, { signal: late.signal }).then(() => {
    throw new Error(`no answer within ${ms} ms`);
  });
  try {
    await Promise.race([work(), deadline]);
  } finally {
    late.abort();
    deadline.catch(() => undefined);
  }
}

/**
 * `notify pgrst` (sent by an event trigger on DDL, or manually) triggers a new read of the schema. The listening
 * connection also detects that the database was unavailable.
 */
async function watchDatabase(
  url: string,
  { changed, back }: { changed(): Promise<void>; back(attempt: number): Promise<void> },
): Promise<{ stop(): Promise<void> }> {
  const stopping = new AbortController();
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let returning: Promise<void> | undefined;

  async function listen(): Promise<pg.Client> {
    const next = new pg.Client({
      connectionString: url,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    });
    next.on('error', () => undefined);
    next.on('notification', () => {
      clearTimeout(timer);
      // A migration sends many notifications; only the last one has an effect.
      timer = setTimeout(() => changed().catch(() => undefined), 100);
    });
    try {
      await within(LISTEN_MS, async () => {
        await next.connect();
        await next.query('listen pgrst');
      });
    } catch (error) {
      // Not awaited: the end of a connection that a starting server dropped may never come.
      next.end().catch(() => undefined);
      throw error;
    }
    return next;
  }

  function watch(listening: pg.Client): void {
    client = listening;
    listening.once('end', () => {
      if (!stopping.signal.aborted) returning = comeBack();
    });
  }

  async function comeBack(): Promise<void> {
    for (let attempt = 1; !stopping.signal.aborted; ) {
      let listening: pg.Client | undefined;
      try {
        await sleep(RECONNECT_MS, undefined, { signal: stopping.signal });
        listening = await listen();
        await back(attempt++);
        return watch(listening);
      } catch {
        // The database is still unavailable, or unavailable again.
        listening?.end().catch(() => undefined);
      }
    }
  }

  watch(await listen());
  return {
    async stop() {
      stopping.abort();
      await returning;
      await client?.end().catch(() => undefined);
      clearTimeout(timer);
    },
  };
}
