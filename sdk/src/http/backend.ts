// The HTTP API as a backend, for machines.
import type { Backend, Page, Place } from '../backend.ts';
import { LimitReachedError } from '../errors/errors.ts';
import { type Args, type Collection, given, type Operation } from '../operations.ts';
import { createPatience, withRetries } from '../retry.ts';
import { hasEnded, type Run, type StepRun } from '../rows.ts';
import { backoffMs, pause } from '../time.ts';
import { type ApiOptions, type ApiRequest, createApi, segment } from './api.ts';
import { watchEvents } from './watch.ts';

/** One request waits this long for the end of a run; then it is repeated. */
const WAIT_SECONDS = 30;
/** A request that is silent for longer counts as lost. */
const ANSWER_MS = (WAIT_SECONDS + 15) * 1_000;
/** If the streams of the application are all in use, the run is read at this interval. */
const NO_STREAM_MS = 1_000;
const RETRY_MS = 100;
const LONGEST_MS = 10_000;

interface RunWithSteps {
  run: Run;
  steps: StepRun[];
}

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
  const toRun = (runId: string, signal: AbortSignal, headers = {}): ApiRequest => ({
    method: 'GET',
    path: `/v1/runs/${segment(runId)}`,
    headers,
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
    readRun: async (runId, signal) => (await json<RunWithSteps>(toRun(runId, signal))).run,
    readSteps: async (runId, signal) => (await json<RunWithSteps>(toRun(runId, signal))).steps,

    async ended(runId, signal) {
      const patience = createPatience();
      let isWaiting = true;
      for (let failures = 0; ; ) {
        try {
          const headers = isWaiting ? { prefer: `wait=${WAIT_SECONDS}` } : {};
          const request = { ...toRun(runId, signal, headers), answerMs: ANSWER_MS };
          const { run } = await api.json<RunWithSteps>(request);
          if (hasEnded(run.status)) return run;
          patience.answered();
          failures = 0;
          if (!isWaiting) await pause(NO_STREAM_MS, signal);
          isWaiting = true;
        } catch (error) {
          if (signal.aborted || !patience.endures(error)) throw error;
          await pause(error.retryAfterMs ?? backoffMs(RETRY_MS, failures, LONGEST_MS), signal);
          failures += 1;
          // A request that waits counts as a stream; one that does not is still answered.
          isWaiting = !(error instanceof LimitReachedError);
        }
      }
    },

    watch: (runId, { after = 0 }, signal) => watchEvents(api, runId, after, signal),
  };
}
