// A client of supabase-js as a backend, for users: RPCs, tables and private Realtime channels.
import type { Backend, Page, Place } from '../backend.ts';
import { errorOf, StepbaseError } from '../errors/errors.ts';
import { followRun } from '../live/follow.ts';
import { type Args, type Collection, given } from '../operations.ts';
import { createPatience, withRetries } from '../retry.ts';
import { hasEnded, type Run, type StepRun } from '../rows.ts';
import { until } from '../time.ts';
import { claimsOf, type Query, restOf, type SupabaseLike } from './like.ts';
import { ask as askRest } from './rest.ts';
import { withVersions } from './versions.ts';
import { watchRows } from './watch.ts';

/** Reads without a message of the channel while a result is awaited. */
const POLL_MS = 5_000;
const APART_POLL_MS = 1_000;

/** A run with a large for_each has many. */
const STEP_PAGE = 500;
const STEPS: Collection = { table: 'step_runs', route: '/v1/runs' };

/** A row in a list, by which the next page is found. */
interface Placed {
  created_at: string;
  id: string;
}

function only<Row>(rows: Row[], what: string): Row {
  const [row] = rows;
  if (row === undefined) throw errorOf('not_found', `There is no such ${what}`);
  return row;
}

export function createSupabaseBackend(client: SupabaseLike): Backend {
  const rest = restOf(client);
  const ask = <T>(query: Query, signal: AbortSignal): Promise<T> =>
    askRest<T>(query, signal).catch(async (error: unknown) => {
      throw error instanceof StepbaseError ? await withVersions(rest, error, signal) : error;
    });
  const read = <T>(signal: AbortSignal, query: () => Query) =>
    withRetries(true, signal, () => ask<T>(query(), signal));

  /** The tasks of the caller: assigned to them or to their role, or claimed by them. */
  async function ofCaller(): Promise<string> {
    const claims = await claimsOf(client);
    const { sub, app_role: role } = claims ?? {};
    if (sub === undefined) throw errorOf('not_authenticated', 'No user is signed in');
    const own = `assigned_to.eq.${sub},assigned_users.cs.{${sub}},claimed_by.eq.${sub}`;
    return role === undefined ? own : `${own},assigned_roles.cs.{${role}}`;
  }

  async function filtered(collection: Collection, filters: Args, signal: AbortSignal) {
    const { mine, workflow, ...columns } = given(filters);
    const caller = mine === undefined ? undefined : await ofCaller();
    const workflowId =
      workflow === undefined ? undefined : await findWorkflow(String(workflow), signal);
    return () => {
      let query = rest.from(collection.table).select('*');
      for (const [name, value] of Object.entries({ ...collection.where, ...columns })) {
        const list = collection.lists?.[name];
        query = list === undefined ? query.eq(name, value) : query.contains(list, [value]);
      }
      if (caller !== undefined) query = query.or(caller);
      return workflowId === undefined ? query : query.eq('workflow_id', workflowId);
    };
  }

  async function findWorkflow(workflow: string, signal: AbortSignal): Promise<string> {
    const rows = await read<{ id: string }[]>(signal, () =>
      rest.from('workflows').select('id').eq('kebab_name', workflow),
    );
    return only(rows, `workflow as ${workflow}`).id;
  }

  const ofRun = (runId: string) => rest.from('runs').select('*').eq('id', runId);

  async function readRun(runId: string, signal: AbortSignal): Promise<Run> {
    const rows = await read<Run[]>(signal, () => ofRun(runId));
    return only(rows, `run as ${runId}`);
  }

  async function page<Row>(
    collection: Collection,
    filters: Args,
    { cursor, size }: Place,
    signal: AbortSignal,
  ): Promise<Page<Row>> {
    const { isNewestFirst = false } = collection;
    const select = await filtered(collection, filters, signal);
    const rows = await read<(Row & Placed)[]>(signal, () => {
      const sorted = select()
        .order('created_at', { ascending: !isNewestFirst })
        .order('id', { ascending: !isNewestFirst });
      return (cursor === undefined ? sorted : sorted.or(after(cursor, isNewestFirst))).limit(size);
    });
    const last = rows.at(-1);
    return {
      items: rows,
      next:
        rows.length < size || last === undefined
          ? undefined
          : JSON.stringify([last.created_at, last.id]),
    };
  }

  return {
    call: (operation, args, signal) =>
      withRetries(
        operation.isRepeatable === true || args.idempotency_key !== undefined,
        signal,
        () => ask(rest.rpc(operation.rpc, given(args)), signal),
      ),
    page,
    async read(collection, id, signal) {
      const rows = await read<never[]>(signal, () =>
        rest.from(collection.table).select('*').eq('id', id),
      );
      return only(rows, 'row');
    },
    async create(collection, row, signal) {
      const made = rest.from(collection.table).insert(given(row)).select('*');
      return only(await ask<never[]>(made, signal), 'row');
    },
    async change(collection, id, row, signal) {
      const rows = await read<never[]>(signal, () =>
        rest.from(collection.table).update(given(row)).eq('id', id).select('*'),
      );
      return only(rows, 'row');
    },
    async remove(collection, id, signal) {
      const deleted = rest.from(collection.table).delete().eq('id', id).select('id');
      only(await ask<object[]>(deleted, signal), 'row');
    },
    workflowId: findWorkflow,
    readRun,
    async readSteps(runId, signal) {
      const steps: StepRun[] = [];
      for (let cursor: string | undefined; ; ) {
        const found: Page<StepRun> = await page(
          STEPS,
          { run_id: runId },
          { cursor, size: STEP_PAGE },
          signal,
        );
        steps.push(...found.items);
        if (found.next === undefined) return steps;
        cursor = found.next;
      }
    },

    async ended(runId, signal) {
      const stop = new AbortController();
      const patience = createPatience();
      const reading = AbortSignal.any([signal, stop.signal]);
      let leave = (): void => undefined;
      try {
        return await until(
          signal,
          new Promise<Run>((resolve, reject) => {
            leave = followRun(client, runId, {
              load: async () => {
                const rows = await ask<Run[]>(ofRun(runId), reading);
                const run = only(rows, `run as ${runId}`);
                patience.answered();
                return { seq: run.event_seq, run };
              },
              onChange({ run }) {
                if (hasEnded(run.status)) resolve(run);
              },
              onError(error) {
                if (patience.endures(error)) return 'again';
                reject(error);
                return undefined;
              },
              apartPollMs: APART_POLL_MS,
              poll: { everyMs: POLL_MS, isWanted: ({ run }) => !hasEnded(run.status) },
            });
          }),
        );
      } finally {
        stop.abort();
        leave();
      }
    },

    watch: (runId, { after: seq = 0, pollMs }, signal) =>
      watchRows(client, rest, runId, { after: seq, pollMs }, signal),
  };
}

/** The rows behind the last one of a page. */
function after(cursor: string, isNewestFirst: boolean): string {
  const [at, id] = JSON.parse(cursor) as [string, string];
  const than = isNewestFirst ? 'lt' : 'gt';
  return `created_at.${than}."${at}",and(created_at.eq."${at}",id.${than}.${id})`;
}
