// The HTTP API as a backend, for machines.
import type { Backend, Page, Place } from '../backend.ts';
import { LimitReachedError } from '../errors/errors.ts';
import { type Args, type Collection, given, type Operation } from '../operations.ts';
import { withRetries } from '../retry.ts';
import { hasEnded, type Run, type StepRun } from '../rows.ts';
import { pause } from '../time.ts';
import { type ApiOptions, type ApiRequest, createApi } from './api.ts';
import { watchEvents } from './watch.ts';

/** One request waits this long for the end of a run; then it is repeated. */
const WAIT_SECONDS = 30;
/** If the streams of the application are all in use, the run is read at this interval. */
const NO_STREAM_MS = 1_000;

interface RunWithSteps {
  run: Run;
  steps: StepRun[];
}

const segment = (id: string): string => encodeURIComponent(id);

function queryOf(values: Args): string {
  const query = new URLSearchParams(
    Object.entries(given(values)).map(([name, value]) => [name, String(value)]),
  ).toString();
  return query === '' ? '' : `?${query}`;
}

/** The path with its parameters, and the arguments that it does not name. */
function fill(template: string, args: Args): { path: string; rest: Record<string, unknown> } {
  const rest = given(args);
  const path = template.replaceAll(/:(\w+)/g, (_all, name: string) => {
    const value = String(rest[name]);
    delete rest[name];
    return segment(value);
  });
  return { path, rest };
}

export function createHttpBackend(options: ApiOptions): Backend {
  const api = createApi(options);
  const json = <T>(request: ApiRequest, isRepeatable = request.method === 'GET') =>
    withRetries(isRepeatable, request.signal, () => api.json<T>(request));
  const readWithSteps = (runId: string, signal: AbortSignal, waitSeconds?: number) =>
    json<RunWithSteps>({
      method: 'GET',
      path: `/v1/runs/${segment(runId)}`,
      ...(waitSeconds === undefined ? {} : { headers: { prefer: `wait=${waitSeconds}` } }),
      signal,
    });

  return {
    async call<T>(operation: Operation, args: Args, signal: AbortSignal) {
      const [method = '', template = ''] = operation.route.split(' ');
      const { path, rest } = fill(template, args);
      const isRead = method === 'GET';
      const answer = await json<Record<string, unknown>>(
        {
          method,
          path: isRead ? `${path}${queryOf(rest)}` : path,
          ...(isRead || method === 'DELETE' ? {} : { body: rest }),
          signal,
        },
        operation.isRepeatable === true || rest.idempotency_key !== undefined,
      );
      return (operation.pick === undefined ? answer : answer[operation.pick]) as T;
    },

    async page<Row>(
      collection: Collection,
      filters: Args,
      { cursor, size }: Place,
      signal: AbortSignal,
    ): Promise<Page<Row>> {
      const path = `${collection.route}${queryOf({ ...filters, limit: size, cursor })}`;
      const page = await json<{ items: Row[]; next_cursor: string | null }>({
        method: 'GET',
        path,
        signal,
      });
      return { items: page.items, next: page.next_cursor ?? undefined };
    },

    read: (collection, id, signal) =>
      json({ method: 'GET', path: `${collection.route}/${segment(id)}`, signal }),
    create: (collection, row, signal) =>
      json({ method: 'POST', path: collection.route, body: given(row), signal }),
    change: (collection, id, row, signal) => {
      const path = `${collection.route}/${segment(id)}`;
      return json({ method: 'PATCH', path, body: given(row), signal }, true);
    },
    remove: (collection, id, signal) =>
      json({ method: 'DELETE', path: `${collection.route}/${segment(id)}`, signal }),

    async workflowId(workflow, signal) {
      const path = `/v1/workflows/${segment(workflow)}`;
      return (await json<{ id: string }>({ method: 'GET', path, signal })).id;
    },
    readRun: async (runId, signal) => (await readWithSteps(runId, signal)).run,
    readSteps: async (runId, signal) => (await readWithSteps(runId, signal)).steps,

    async ended(runId, signal) {
      for (let wait: number | undefined = WAIT_SECONDS; ; ) {
        try {
          const { run } = await readWithSteps(runId, signal, wait);
          if (hasEnded(run.status)) return run;
          if (wait === undefined) await pause(NO_STREAM_MS, signal);
          wait = WAIT_SECONDS;
        } catch (error) {
          if (!(error instanceof LimitReachedError)) throw error;
          // A request that waits counts as a stream; one that does not is still answered.
          await pause(error.retryAfterMs ?? NO_STREAM_MS, signal);
          wait = undefined;
        }
      }
    },

    watch: (runId, { after = 0 }, signal) => watchEvents(api, runId, after, signal),
  };
}
