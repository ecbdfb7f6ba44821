// Stepbase in its usual form: the worker process of the stack, with Realtime, Redis and the maintenance of every
// minute. Sessions of a member start the runs through start_run.

import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { auditRuns } from '../chaos/audit.ts';
import { startCron } from '../stack/cron.ts';
import { FunctionProcess } from '../stack/functions.ts';
import { functionEnvironment } from '../stack/functions-env.ts';
import { startRealtime } from '../stack/realtime/server.ts';
import { startUpstash } from '../stack/upstash/server.ts';
import { wrongBroadcasts } from './broadcasts.ts';
import type { BenchDatabase, BenchEnvironment } from './environment.ts';
import { memberSession } from './owner.ts';

/** The number of sessions that start runs. */
const STARTERS = 4;
/** Ends a benchmark that hangs. Temporal on a machine with other work takes minutes. */
const DEADLINE_MS = 1_200_000;
/** How often the benchmark polls for ended runs: for many runs, and for a single one. */
const POLL_MS = 5;
const POLL_SINGLE_MS = 1;

export interface Stepbase {
  workerPid(): number | undefined;
  /** Executes runs, at most `inFlight` at a time; resolves with the milliseconds from first start to last end. */
  many(workflow: string, runs: number, inFlight: number): Promise<number>;
  /**
   * Executes one run; resolves with its id and the milliseconds until its starter sees the end. It polls every
   * `pollMs`; with 0 without a pause, which would be part of a short run's figure.
   */
  one(workflow: string, pollMs?: number): Promise<{ id: string; ms: number }>;
  /** Milliseconds of the first and of the last `count` steps of a linear run, none of which ran eagerly. */
  ends(runId: string, steps: number, count: number): Promise<{ first: number; last: number }>;
  /** The broadcasts in the database. */
  messages(): Promise<number>;
  /** Throws unless every run since the last call completed with a correct history; not measured. */
  check(steps: number): Promise<void>;
  /** The ids of the runs since the last call of this or of check, which then does not check them. */
  take(): string[];
  /** The peak resident memory of the worker in MB; undefined if the system does not report it. */
  workerMemory(): Promise<number | undefined>;
  stop(): Promise<void>;
}

export async function startStepbase(
  environment: BenchEnvironment,
  database: BenchDatabase,
): Promise<Stepbase> {
  const ends: (() => Promise<unknown> | undefined)[] = [];
  const stop = async () => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  const messages: string[] = [];
  const say = (message: string) => void messages.push(message);
  try {
    const { config, keys, dataDir } = environment;
    const upstash = await startUpstash({ port: config.ports.redis, token: keys.redisToken });
    ends.push(() => upstash.stop());
    const worker = new FunctionProcess({
      name: 'worker',
      port: config.ports.worker,
      env: functionEnvironment(config, keys, database.url),
      dataDir,
      logLevel: 'error',
      say,
    });
    ends.push(() => worker.stop());
    await worker.start();
    const realtime = await startRealtime({
      dbUrl: database.url,
      jwtSecret: keys.jwtSecret,
      publishableKey: keys.publishableKey,
      secretKey: keys.secretKey,
      log: say,
    });
    ends.push(() => realtime.stop());
    const cron = startCron(database.url, say);
    ends.push(() => cron.stop());
    const members = await Promise.all(
      Array.from({ length: STARTERS }, () => memberSession(database)),
    );
    ends.push(() => Promise.all(members.map((member) => member.end())));
    const observer = new pg.Pool({
      connectionString: database.url,
      max: 5,
      application_name: 'bench',
    });
    observer.on('error', () => undefined);
    ends.push(() => observer.end());
    return {
      ...starter(members, observer),
      workerPid: () => worker.pid,
      workerMemory: () => peakMemory(worker.pid),
      stop,
    };
  } catch (error) {
    await stop();
    throw new Error(`Stepbase did not start: ${messages.join('; ')}`, { cause: error });
  }
}

function starter(
  members: pg.Client[],
  observer: pg.Pool,
): Pick<Stepbase, 'many' | 'one' | 'ends' | 'messages' | 'check' | 'take'> {
  let unchecked: string[] = [];

  async function start(member: pg.Client, workflow: string): Promise<string> {
    const { rows } = await member.query<{ id: string }>({
      name: 'start',
      text: 'select id from stepbase.start_run(workflow => $1)',
      values: [workflow],
    });
    const id = rows[0]?.id;
    if (!id) throw new Error(`${workflow} did not start`);
    unchecked.push(id);
    return id;
  }

  /** Those that have ended. */
  async function ended(ids: Iterable<string>): Promise<string[]> {
    const { rows } = await observer.query<{ id: string }>({
      name: 'ended',
      text: `select id from stepbase.runs where id = any($1::uuid[]) and completed_at is not null`,
      values: [[...ids]],
    });
    return rows.map(({ id }) => id);
  }

  return {
    async many(workflow, runs, inFlight) {
      const open = new Set<string>();
      let started = 0;
      let done = 0;
      const begin = performance.now();
      let room = new Promise<void>(() => undefined);
      let makeRoom = () => {};
      const renew = () => {
        makeRoom();
        room = new Promise((resolve) => {
          makeRoom = resolve;
        });
      };
      renew();
      const startAll = async (member: pg.Client) => {
        while (started < runs) {
          if (started - done >= inFlight) {
            await room;
            continue;
          }
          started += 1;
          open.add(await start(member, workflow));
        }
      };
      const watch = async () => {
        while (done < runs) {
          if (performance.now() - begin > DEADLINE_MS) {
            throw new Error(`${runs - done} of ${runs} runs of ${workflow} did not end in time`);
          }
          await pause(POLL_MS);
          if (open.size === 0) continue;
          for (const id of await ended(open)) {
            open.delete(id);
            done += 1;
          }
          renew();
        }
      };
      await Promise.all([...members.map(startAll), watch()]);
      return performance.now() - begin;
    },
    async one(workflow, pollMs = POLL_SINGLE_MS) {
      const [member] = members;
      if (!member) throw new Error('no session can start a run');
      const begin = performance.now();
      const id = await start(member, workflow);
      while ((await ended([id])).length === 0) {
        if (performance.now() - begin > DEADLINE_MS) throw new Error(`run ${id} did not end`);
        if (pollMs > 0) await pause(pollMs);
      }
      return { id, ms: performance.now() - begin };
    },
    async ends(runId, steps, count) {
      const { rows } = await observer.query<{ first: number; last: number }>(
        `select
           1000 * extract(epoch from max(completed_at) filter (where place <= $3)
             - min(started_at))::float8 as first,
           1000 * extract(epoch from max(completed_at)
             - min(started_at) filter (where place > $2 - $3))::float8 as last
         from (
           select s.*, substr(s.step_id, 2)::int as place from stepbase.step_runs s where run_id = $1
         ) s`,
        [runId, steps, count],
      );
      const [row] = rows;
      if (!row || !(row.first > 0) || !(row.last > 0)) throw new Error(`run ${runId} has no times`);
      return row;
    },
    async messages() {
      const { rows } = await observer.query<{ count: number }>(
        'select count(*)::int as count from realtime.messages',
      );
      return rows[0]?.count ?? Number.NaN;
    },
    take() {
      const ids = unchecked;
      unchecked = [];
      return ids;
    },
    async check(steps) {
      const ids = unchecked;
      unchecked = [];
      const problems = await auditRuns(observer, ids);
      if (problems.length > 0)
        throw new Error(`wrong after measuring: ${JSON.stringify(problems[0])}`);
      const { rows } = await observer.query<{ runs: number; steps: number }>(
        `select
           (select count(*)::int from stepbase.runs where id = any($1) and status = 'completed') as runs,
           (select count(*)::int from stepbase.step_runs
            where run_id = any($1) and status = 'completed') as steps`,
        [ids],
      );
      const [counted] = rows;
      const wanted = { runs: ids.length, steps: ids.length * steps };
      if (JSON.stringify(counted) !== JSON.stringify(wanted)) {
        throw new Error(
          `completed ${JSON.stringify(counted)} instead of ${JSON.stringify(wanted)}`,
        );
      }
      const [unsent] = await wrongBroadcasts(observer, ids, steps);
      if (unsent) throw new Error(`wrong broadcasts: ${JSON.stringify(unsent)}`);
    },
  };
}

async function peakMemory(pid: number | undefined): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
}
