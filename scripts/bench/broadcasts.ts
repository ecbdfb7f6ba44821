// The audit of broadcasts: whether the messages of a run name each of its completed steps once.

import type pg from 'pg';

export interface WrongBroadcasts {
  run_id: string;
  /** The completed steps that its messages name. */
  steps: number;
}

/**
 * The runs whose messages do not name `steps` completed steps. A message names at most 50 steps and is marked as
 * truncated if more changed: its run is correct if the last message has the run's last event and status.
 */
export async function wrongBroadcasts(
  db: Pick<pg.Pool, 'query'>,
  runIds: readonly string[],
  steps: number,
): Promise<WrongBroadcasts[]> {
  const { rows } = await db.query<WrongBroadcasts>(
    `with run as (
       select r.id, r.status, r.event_seq from stepbase.runs r where r.id = any($1::uuid[])
     ),
     message as (
       select r.id as run_id, m.event, m.payload
       from realtime.messages m join run r on m.topic = 'stepbase:run:' || r.id
     ),
     named as (
       select m.run_id
       from message m
       cross join lateral jsonb_to_recordset(m.payload -> 'steps') as s (status text)
       where m.event = 'run' and s.status = 'completed'
     ),
     counted as (select n.run_id, count(*)::int as steps from named n group by n.run_id),
     truncated as (
       select
         m.run_id,
         (array_agg(m.payload order by (m.payload ->> 'seq')::bigint desc))[1] as last_payload
       from message m
       group by m.run_id
       having bool_or(m.payload -> 'truncated' = 'true')
     )
     select r.id as run_id, coalesce(c.steps, 0) as steps
     from run r
     left join counted c on c.run_id = r.id
     left join truncated t on t.run_id = r.id
     where case
       when t.run_id is null then coalesce(c.steps, 0) <> $2
       else coalesce(c.steps, 0) > $2
         or (t.last_payload ->> 'seq')::bigint is distinct from r.event_seq
         or t.last_payload ->> 'status' is distinct from r.status
     end`,
    [runIds, steps],
  );
  return rows;
}
