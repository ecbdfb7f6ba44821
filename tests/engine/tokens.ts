// The first two calls of a worker, made by a test: take tokens from the queue, then claim them.

import type pg from 'pg';

export interface HandedOut {
  job_id: string;
  run_id: string;
  delivery: number;
}

export interface Claimed {
  run_id: string;
  step_run_id: string;
  fence: number;
}

type Db = Pick<pg.Pool | pg.PoolClient, 'query'>;

/** Takes the tokens of these runs for the test, as pg-boss delivers them. */
export async function handOut(db: Db, runIds: readonly string[]): Promise<HandedOut[]> {
  const { rows } = await db.query<HandedOut>(
    `update stepbase_queue.job
     set
       state = 'active', started_on = now(),
       retry_count = case when started_on is null then retry_count else retry_count + 1 end
     where name = 'steps' and data ->> 'run_id' = any($1)
     returning id as job_id, (data ->> 'run_id')::uuid as run_id, retry_count as delivery`,
    [runIds],
  );
  return rows;
}

export async function claim(db: Db, tokens: readonly HandedOut[]): Promise<Claimed[]> {
  const { rows } = await db.query<Claimed>('select * from stepbase_engine.claim($1, $2, $3)', [
    tokens.map(({ job_id }) => job_id),
    tokens.map(({ run_id }) => run_id),
    tokens.map(({ delivery }) => delivery),
  ]);
  return rows;
}

/** Takes and claims the first tokens of these runs. */
export async function take(db: Db, runIds: readonly string[]): Promise<Claimed[]> {
  return await claim(db, await handOut(db, runIds));
}
