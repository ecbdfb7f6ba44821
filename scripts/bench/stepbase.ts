// Stepbase as its users have it: the worker process of the stack, Realtime decoding the broadcasts, Redis
// and the minutely maintenance beside it. Runs are started by sessions of a member through start_run.

import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { auditRuns } from '../chaos/audit.ts';
import { startCron } from '../stack/cron.ts';
import { FunctionProcess } from '../stack/functions.ts';
import { functionEnvironment } from '../stack/functions-env.ts';
import { startRealtime } from '../stack/realtime/server.ts';
import { startUpstash } from '../stack/upstash/server.ts';
import type { BenchDatabase, Ground } from './ground.ts';
import { memberSession } from './owner.ts';

/** So many sessions start runs. */
const STARTERS = 4;
const DEADLINE_MS = 300_000;
/** How often the bench looks whether runs have ended: many of them, or one that takes long. */
const LOOK_MS = 5;
const LOOK_CLOSELY_MS = 1;

export interface Stepbase {
  workerPid(): number | undefined;
  /** So many runs, at most `inFlight` at a time; resolves with the milliseconds from the first start to the last end. */
  many(workflow: string, runs: number, inFlight: number): Promise<number>;
  /**
   * One run; resolves with its id and the milliseconds until its starter sees it completed. It looks every
   * `lookMs`; 0 is all the time: a pause would be part of a short run's figure.
   */
  one(workflow: string, lookMs?: number): Promise<{ id: string; ms: number }>;
  /** Milliseconds that the first and the last so many steps of a linear run took, none of which ran ahead. */
  ends(runId: string, steps: number, count: number): Promise<{ first: number; last: number }>;
  /** Throws unless every run since the last call completed with a history that is right; not measured. */
  check(steps: number): Promise<void>;
  /** The largest resident memory that the worker has had, in MB; undefined where the system does not tell. */
  workerMemory(): Promise<number | undefined>;
  stop(): Promise<void>;
}

export async function startStepbase(ground: Ground, database: BenchDatabase): Promise<Stepbase> {
  const ends: (() => Promise<unknown> | undefined)[] = [];
  const stop = async () => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  const complaints: string[] = [];
  const say = (message: string) => void complaints.push(message);
  try {
    const { config, keys, dataDir } = ground;
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
    const eyes = new pg.Pool({ connectionString: database.url, max: 5, application_name: 'bench' });
    eyes.on('error', () => undefined);
    ends.push(() => eyes.end());
    return {
      ...starter(members, eyes),
      workerPid: () => worker.pid,
      workerMemory: () => peakMemory(worker.pid),
      stop,
    };
  } catch (error) {
    await stop();
    throw new Error(`Stepbase did not come up: ${complaints.join('; ')}`, { cause: error });
  }
}

function starter(
  members: pg.Client[],
  eyes: pg.Pool,
): Pick<Stepbase, 'many' | 'one' | 'ends' | 'check'> {
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
    const { rows } = await eyes.query<{ id: string }>({
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
          await pause(LOOK_MS);
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
    async one(workflow, lookMs = LOOK_CLOSELY_MS) {
      const [member] = members;
      if (!member) throw new Error('nobody is there to start a run');
      const begin = performance.now();
      const id = await start(member, workflow);
      while ((await ended([id])).length === 0) {
        if (performance.now() - begin > DEADLINE_MS) throw new Error(`run ${id} did not end`);
        if (lookMs > 0) await pause(lookMs);
      }
      return { id, ms: performance.now() - begin };
    },
    async ends(runId, steps, count) {
      const { rows } = await eyes.query<{ first: number; last: number }>(
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
    async check(steps) {
      const ids = unchecked;
      unchecked = [];
      const problems = await auditRuns(eyes, ids);
      if (problems.length > 0)
        throw new Error(`wrong after measuring: ${JSON.stringify(problems[0])}`);
      const { rows } = await eyes.query<{ runs: number; steps: number; messages: number }>(
        `select
           (select count(*)::int from stepbase.runs where id = any($1) and status = 'completed') as runs,
           (select count(*)::int from stepbase.step_runs
            where run_id = any($1) and status = 'completed') as steps,
           (select count(*)::int from realtime.messages
            where topic = any(select 'stepbase:run:' || id from unnest($1::uuid[]) id)
              and event = 'step' and payload ->> 'type' = 'step.completed') as messages`,
        [ids],
      );
      const [count] = rows;
      const wanted = { runs: ids.length, steps: ids.length * steps, messages: ids.length * steps };
      if (JSON.stringify(count) !== JSON.stringify(wanted)) {
        throw new Error(`completed ${JSON.stringify(count)} instead of ${JSON.stringify(wanted)}`);
      }
    },
  };
}

async function peakMemory(pid: number | undefined): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
}
