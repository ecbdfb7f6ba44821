// Requests of the HTTP API that the client of the SDK does not have.
import { setTimeout as pause } from 'node:timers/promises';
import { LimitReachedError, NotFoundError } from '../../sdk/src/errors/errors.ts';
import { createApi } from '../../sdk/src/http/api.ts';
import { withRetries } from '../../sdk/src/retry.ts';
import { usage } from './errors.ts';
import type { Target } from './project.ts';
import { CLIENT } from './version.ts';

const REQUEST_MS = 30_000;
const PATIENCE_MS = 60_000;
const PAGE = 200;

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Answer<T> {
  body: T;
  etag: string | undefined;
}

export interface Server {
  get<T>(path: string, query?: Query): Promise<T>;
  /** undefined: there is no such object. */
  find<T>(path: string, query?: Query): Promise<Answer<T> | undefined>;
  /** All rows of a list, or the first `max`. */
  list<T>(path: string, query?: Query, max?: number): Promise<T[]>;
  post<T>(
    path: string,
    body: object,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer<T>>;
  /** Changes the columns of a row. */
  patch<T>(path: string, columns: object): Promise<T>;
  remove(path: string): Promise<void>;
}

const withQuery = (path: string, query: Query): string => {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? path : `${path}?${text}`;
};

export interface Credentials {
  url: string;
  apiKey: string;
  app?: string | undefined;
  fetch?: typeof fetch | undefined;
}

export function credentialsOf({ name, url, app, apiKey }: Target): Credentials {
  if (apiKey !== undefined) return { url, apiKey, app };
  throw usage(
    'no_key',
    `There is no key for ${name}`,
    'Run `stepbase login`, or set STEPBASE_API_KEY.',
  );
}

export function createServer(credentials: Credentials): Server {
  const api = createApi({ ...credentials, client: CLIENT });
  /** Sends a request that only reads, up to four times. */
  const read = <T>(
    path: string,
    query: Query,
    send: (request: { method: string; path: string; signal: AbortSignal }) => Promise<T>,
  ) => {
    const target = withQuery(path, query);
    return patiently(() => {
      const signal = AbortSignal.timeout(REQUEST_MS);
      return withRetries(true, signal, () => send({ method: 'GET', path: target, signal }));
    });
  };
  const get = <T>(path: string, query: Query = {}) =>
    read(path, query, (request) => api.json<T>(request));

  /** A request that the rate limit refuses has no effect, so it is sent again. */
  const write = (
    method: 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body?: object,
    headers?: Readonly<Record<string, string>>,
  ) =>
    patiently(() => {
      const signal = AbortSignal.timeout(REQUEST_MS);
      return api.send({ method, path, body, headers, signal });
    });

  return {
    get,
    async find<T>(path: string, query: Query = {}) {
      try {
        return await answerOf<T>(await read(path, query, (request) => api.send(request)));
      } catch (error) {
        if (error instanceof NotFoundError) return undefined;
        throw error;
      }
    },
    async list<T>(path: string, query: Query = {}, max = Number.POSITIVE_INFINITY) {
      const rows: T[] = [];
      let cursor: string | undefined;
      do {
        const limit = Math.min(PAGE, max - rows.length);
        const page = await get<{ items: T[]; next_cursor: string | null }>(path, {
          ...query,
          limit,
          cursor,
        });
        rows.push(...page.items);
        cursor = page.next_cursor ?? undefined;
      } while (cursor !== undefined && rows.length < max);
      return rows;
    },
    post: async <T>(path: string, body: object, headers?: Readonly<Record<string, string>>) =>
      await answerOf<T>(await write('POST', path, body, headers)),
    patch: async <T>(path: string, columns: object) =>
      (await answerOf<T>(await write('PATCH', path, columns))).body,
    remove: async (path) => {
      await write('DELETE', path);
    },
  };
}

/** Waits for the rate limit of the server, which a folder of many workflows reaches. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const wait = error instanceof LimitReachedError ? error.retryAfterMs : undefined;
      if (wait === undefined || Date.now() + wait > end) throw error;
      await pause(wait);
    }
  }
}

/** `fetch` for the client of the SDK, which does not wait for the rate limit by itself. */
export const patientFetch: typeof fetch = async (input, init) => {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const response = await fetch(input, init);
    const seconds = response.status === 429 ? response.headers.get('retry-after') : null;
    const wait = seconds === null ? Number.NaN : Number(seconds) * 1_000;
    // A quota that is used up names a time far away.
    if (!(Date.now() + wait <= end)) return response;
    await response.body?.cancel();
    await pause(wait, undefined, init?.signal ? { signal: init.signal } : {});
  }
};

/** The body is undefined if the answer has none. */
async function answerOf<T>(response: Response): Promise<Answer<T>> {
  const text = await response.text();
  return {
    body: (text === '' ? undefined : JSON.parse(text)) as T,
    etag: response.headers.get('etag') ?? undefined,
  };
}

export const segment = (text: string): string => encodeURIComponent(text);
