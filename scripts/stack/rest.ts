// /rest/v1: @supabase/lite's Data API as role authenticator, which by itself may read nothing: every
// request runs as the role of its claims, and every grant is one a migration made.

import { setTimeout as sleep } from 'node:timers/promises';
import type { IntrospectResult } from '@supabase/lite';
import type { PostgresConnection } from '@supabase/lite/postgres';
import pg from 'pg';
import type { ProjectConfig } from './config-toml.ts';
import type { Gatekeeper } from './identity.ts';
import { closePool } from './postgres/close-pool.ts';
import { normalizeDbError } from './rest-errors.ts';
import { withSilencedConsole } from './silenced-console.ts';

export interface RestService {
  fetch(request: Request): Promise<Response>;
  stop(): Promise<void>;
}

interface RestOptions {
  /** As authenticator. */
  dbUrl: string;
  /** As postgres: sees every table when the schema is read. */
  introspectionUrl: string;
  project: ProjectConfig;
  gatekeeper: Gatekeeper;
  onError: (message: string) => void;
}

export async function startRest(options: RestOptions): Promise<RestService> {
  let api = await openApi(options);
  const watch = await watchDatabase(options.introspectionUrl, {
    changed: () => api.readSchema(),
    // What lived through the loss of its connections may count some of them for ever: a new one takes over.
    async back() {
      const before = api;
      api = await openApi(options);
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

/** The Data API on a pool of its own. */
async function openApi(options: RestOptions): Promise<Api> {
  const { App } = await import('@supabase/lite');
  const { createPostgresConnection } = await import('@supabase/lite/postgres');
  const connection = createPostgresConnection({
    url: options.dbUrl,
    postgresOptions: {
      max: 20,
      idle_timeout: 60,
      // Named statements would outlive a migration that changes their result types.
      prepare: false,
      onnotice: () => undefined,
      types: {
        timestamp: isoTime(1114),
        timestamptz: isoTime(1184),
        json: jsonValue(114),
        jsonb: jsonValue(3802),
      },
    },
  });
  const introspector = createPostgresConnection({
    url: options.introspectionUrl,
    postgresOptions: { max: 2, idle_timeout: 20, onnotice: () => undefined },
  });
  Object.defineProperties(connection, {
    // lite would grant everything in every schema to the API roles here; hosted projects do not.
    ensureRlsContext: { value: async () => true },
    normalizeDbError: { value: normalizeDbError },
    introspect: { value: async () => schema ?? (await read()) },
    viewOptionsMetadata: { value: introspector.viewOptionsMetadata.bind(introspector) },
  });
  // The schema that is known goes on serving while a new one is read: reading waits for the locks of migrations.
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
    },
    auth: { enabled: false },
    db: { migrations: { enabled: false } },
    options: {
      server: {
        disableStudio: true,
        // The gatekeeper has decided before: the request carries its claims.
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
    // A request is several statements: those under way get the time to make all of them.
    const late = new AbortController();
    await Promise.race([
      Promise.allSettled([...asking].map(({ answered }) => answered)),
      sleep(CLOSE_GRACE_MS, undefined, { signal: late.signal }).catch(() => undefined),
    ]);
    late.abort();
    await Promise.all([closePool(connection), closePool(introspector)]);
    // Whoever asks a pool that is closed waits for ever; the caller must not.
    for (const { giveUp } of asking) giveUp();
  };
  try {
    await app.init();
    await read();
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
      if (request.method === 'OPTIONS') return preflight(request);
      const identity = await options.gatekeeper.identify(request.headers, new URL(request.url));
      if (!identity.ok) return identity.response;
      const headers = new Headers(request.headers);
      headers.delete('authorization');
      headers.set('apikey', 'resolved');
      const resolved = new Request(request, { headers });
      claimsOf.set(resolved, identity.claims);
      const { promise: answered, resolve, reject } = Promise.withResolvers<Response>();
      const asked = { answered, giveUp: () => resolve(noDatabase()) };
      asking.add(asked);
      withSilencedConsole(() => app.fetch(resolved)).then(resolve, reject);
      return await answered.finally(() => asking.delete(asked));
    },
  };
}

/** A browser's preflight, answered as PostgREST does: for every path, whatever its schema. */
function preflight(request: Request): Response {
  return new Response(null, {
    status: 200,
    headers: {
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD',
      'access-control-allow-headers':
        request.headers.get('access-control-request-headers') ?? 'authorization',
      'access-control-max-age': '86400',
    },
  });
}

/** As PostgREST answers without its database. */
function noDatabase(): Response {
  return Response.json(
    {
      code: 'PGRST000',
      message: 'Database connection error. Retrying the connection.',
      details: null,
      hint: null,
    },
    { status: 503, headers: { 'access-control-allow-origin': '*' } },
  );
}

/** The schema as it is now; unique means constraints only, as for PostgREST. */
async function readSchema(introspector: PostgresConnection): Promise<IntrospectResult> {
  const schema = await introspector.introspect({ useCache: false });
  const key = (of: { schema?: string; table: string; name: string }) =>
    `${of.schema ?? 'public'}.${of.table}.${of.name}`;
  const constraints = new Set((schema.unique_constraints ?? []).map(key));
  for (const index of schema.indexes) {
    // A partial unique index says nothing about how many rows a relationship has.
    if (index.unique && !constraints.has(key(index))) index.unique = false;
  }
  return schema;
}

/** Times as PostgreSQL writes them into JSON: 2026-11-20T21:41:00.5+00:00. */
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

/** lite hands objects and arrays over as JSON text already; writing that as JSON again makes a string of it. */
function jsonValue(oid: number) {
  return {
    to: oid,
    from: [oid],
    serialize: (value: unknown) =>
      typeof value === 'string' && isContainer(value) ? value : JSON.stringify(value),
    parse: (value: string): unknown => JSON.parse(value),
  };
}

function isContainer(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const RECONNECT_MS = 250;
const CLOSE_GRACE_MS = 2_000;

/**
 * `notify pgrst` (sent by an event trigger on DDL, or by hand) makes the schema be read again; the connection
 * that hears of it also tells when the database was away.
 */
async function watchDatabase(
  url: string,
  { changed, back }: { changed(): Promise<void>; back(): Promise<void> },
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
      // A migration sends many; the last one counts.
      timer = setTimeout(() => changed().catch(() => undefined), 100);
    });
    await next.connect();
    await next.query('listen pgrst');
    return next;
  }

  function watch(listening: pg.Client): void {
    client = listening;
    listening.once('end', () => {
      if (!stopping.signal.aborted) returning = comeBack();
    });
  }

  async function comeBack(): Promise<void> {
    while (!stopping.signal.aborted) {
      let listening: pg.Client | undefined;
      try {
        await sleep(RECONNECT_MS, undefined, { signal: stopping.signal });
        listening = await listen();
        await back();
        return watch(listening);
      } catch {
        // Still away, or away again.
        await listening?.end().catch(() => undefined);
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
