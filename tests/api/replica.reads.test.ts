// Read replicas with real streaming replication: which reads the standby answers, that a caller reads its own writes, and
// that the primary answers when the standby is behind, away, or cancels a statement.
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { OPERATIONS } from '../../functions/api/operations.ts';
import { isReadByReplica } from '../../functions/api/replica/operations.ts';
import { SEED_USERS } from '../../scripts/stack/seed-users.ts';
import { createStepbase } from '../../sdk/src/index.ts';
import { waitFor } from '../support/stack.ts';
import { type Replicated, startReplicated } from './replica.ts';
import { type Answer, type Api, call, signToken } from './support.ts';

const LSN = 'stepbase-lsn';
/** Any position within the limit of the lag. */
const ANY = { [LSN]: '0/0' };

let servers: Replicated;
let api: Api;
let acme: string;
let globex: string;

const tokenOf = (email: string) => {
  const user = SEED_USERS.find((one) => one.email === email);
  if (user === undefined) throw new Error(`the seed has no ${email}`);
  return signToken(user);
};

beforeAll(async () => {
  servers = await startReplicated();
  [api, acme, globex] = await Promise.all([
    servers.api(),
    tokenOf('admin@acme.example'),
    tokenOf('admin@globex.example'),
  ]);
});

const send = (path: string, options: Parameters<typeof call>[1] = {}, to = api) =>
  call(`${to.url}${path}`, { token: acme, timeoutMs: 30_000, ...options });

async function made(path: string, body: unknown, method = 'POST'): Promise<Answer> {
  const answer = await send(path, { method, body });
  if (answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
  return answer;
}

/** The metrics of this process: the reads by their reason, and the replica. */
async function metrics(to = api): Promise<Record<string, number>> {
  const response = await fetch(`${to.url}/metrics`, {
    headers: { apikey: 'sb_secret_api_tests' },
  });
  const lines = (await response.text()).matchAll(
    /^stepbase_(?:api_reads_total\{server="\w+",reason="(\w+)"\}|(replica_\w+)) (\S+)$/gm,
  );
  return Object.fromEntries(
    [...lines].map(([, reason, name, value]) => [reason ?? name ?? '', Number(value)]),
  );
}

/** The answer, and which counters of reads it increased. */
async function counted<T>(
  work: () => Promise<T>,
  to = api,
): Promise<{ answer: T; by: Record<string, number> }> {
  const before = await metrics(to);
  const answer = await work();
  const more = Object.entries(await metrics(to))
    .filter(([name]) => !name.startsWith('replica_'))
    .map(([name, value]) => [name, value - (before[name] ?? 0)] as const)
    .filter(([, increase]) => increase !== 0);
  return { answer, by: Object.fromEntries(more) };
}

const by = (reads: Record<string, number>, reason: string) => reads[reason] ?? 0;

const definition = {
  nodes: [{ id: 'one', type: 'transform', data: { config: { expression: '1' } } }],
  edges: [],
};
let made_ = 0;

/** A published workflow with its first run, which no worker executes. */
async function workflowWithRun() {
  made_ += 1;
  const name = `replica-${made_}`;
  await made(`/v1/workflows/${name}/draft`, { definition });
  await made(`/v1/workflows/${name}/publish`, {});
  return { name, run: await startRun(name) };
}

const startRun = async (name: string) => {
  const { body, headers } = await made(`/v1/workflows/${name}/runs`, {});
  return { id: String(body.id), lsn: headers.get(LSN) ?? '' };
};

const idsOf = ({ body }: Answer) => (body.items as { id: string }[]).map(({ id }) => id);

const sqlOf = (statement: string, values: unknown[] = []) =>
  servers.primary.query<Record<string, string>>(statement, values).then(({ rows: [row] }) => row);

/** Until the standby has everything, so that the next read is its own. */
async function caughtUp(to = api): Promise<void> {
  await waitFor('the standby answers reads', async () => {
    const { by: reads } = await counted(() => send('/v1/step-types?limit=1', {}, to), to);
    return by(reads, 'replayed') === 1;
  });
}

describe('the operations of the list', () => {
  /** Reads that stay on the primary. */
  const ON_PRIMARY: Readonly<Record<string, string>> = {
    // One row by its key costs the primary little, and is what callers poll.
    ...Object.fromEntries(
      OPERATIONS.filter(({ id, method }) => method === 'GET' && /^get/.test(id))
        .filter(({ id, permission }) => permission !== null && !isReadByReplica(id))
        .map(({ id }) => [id, 'one row by its key']),
    ),
    listRunEvents: 'also a stream, which follows the run',
    explainRun: 'says why a run does not go on now',
    queryRun: 'a query of a run that executes',
    listNextScheduleTimes: 'reads one schedule',
    getIncidentStatus: 'an operator watches it during an incident',
    listSecrets: 'shows who has access to what, at once',
    listApiKeys: 'shows who has access to what, at once',
    listServiceAccounts: 'shows who has access to what, at once',
    listSignIns: 'shows who has access to what, at once',
    listMembers: 'shows who has access to what, at once',
    listInvitations: 'shows who has access to what, at once',
    listMyInvitations: 'shows who has access to what, at once',
    listRoles: 'shows who has access to what, at once',
    listMyApplications: 'shows who has access to what, at once',
    listApplications: 'shows who has access to what, at once',
    listOrganizations: 'shows who has access to what, at once',
    listOrganizationMembers: 'shows who has access to what, at once',
    validateDefinition: 'no transaction of its own',
    previewRerun: 'decides what the next request changes',
    previewContinue: 'decides what the next request changes',
    previewRunOperation: 'decides what the next request changes',
  };
  const reads = OPERATIONS.filter(
    ({ id, method, permission }) =>
      permission !== null &&
      (method === 'GET' || /^(search|count|preview|validate|verify)/.test(id)),
  ).map(({ id }) => id);

  it('are all reads, and every other read has a reason to stay on the primary', () => {
    expect(reads.filter((id) => isReadByReplica(id) === id in ON_PRIMARY)).toEqual([]);
    expect(Object.keys(ON_PRIMARY).filter((id) => !reads.includes(id))).toEqual([]);
    const listed = OPERATIONS.filter(({ id }) => isReadByReplica(id));
    expect(listed.filter(({ id }) => !reads.includes(id)).map(({ id }) => id)).toEqual([]);
    expect(listed.filter(({ idempotency }) => idempotency !== undefined)).toEqual([]);
  });

  it('are answered by the standby without an error', async () => {
    const { name, run } = await workflowWithRun();
    const other = await startRun(name);
    const { body: workflow } = await send(`/v1/workflows/${name}`);
    const { body: queue } = await made('/v1/work-queues', {
      workflow_id: workflow.id,
      queue_name: 'replica',
    });
    const { body: tasks } = await made('/v1/task-queues', { name: 'replica' });
    const { body: hook } = await made('/v1/webhooks', { workflow: name });
    const { body: subscription } = await made('/v1/webhook-subscriptions', {
      url: 'https://service.example/',
      event_types: ['run.completed'],
    });
    const many = { action: 'rerun', filter: { created_before: '2020-01-01T00:00:00Z' } };
    const { body: preview } = await made('/v1/run-operations/preview', many);
    const { body: operation } = await made('/v1/run-operations', {
      ...many,
      preview: preview.preview,
    });
    const step = await sqlOf(
      `select id, run_id, step_id from stepbase.step_runs
       where app_code = 'acme' and status = 'waiting' and wait_kind = 'task' limit 1`,
    );
    const params: Readonly<Record<string, unknown>> = {
      kebab_name: name,
      version: 1,
      other_version: 1,
      run_id: step?.run_id ?? run.id,
      other_run_id: other.id,
      step_id: step?.step_id ?? 'one',
      step_run_id: step?.id,
      operation_id: operation.id,
      trigger_id: hook.id,
      subscription_id: subscription.id,
      work_queue_id: queue.id,
      task_queue_id: tasks.id,
      lookup: 'run_statuses',
      table_name: 'runs',
      user_id: SEED_USERS[0]?.id,
    };
    await caughtUp();
    const faults: unknown[] = [];
    let before = await metrics();
    for (const { id, method, path } of OPERATIONS.filter((one) => isReadByReplica(one.id))) {
      const address = path.replaceAll(/:(\w+)/g, (_, param: string) => String(params[param]));
      const ask = () => send(address, method === 'GET' ? {} : { method, body: {} });
      let { status, body } = await ask();
      let after = await metrics();
      // The workers of the stack write: the standby may need longer to replay that than a read waits.
      for (
        let more = 0;
        more < 20 && by(after, 'not_replayed') > by(before, 'not_replayed');
        more += 1
      ) {
        before = after;
        ({ status, body } = await ask());
        after = await metrics();
      }
      const isByStandby = by(after, 'replayed') === by(before, 'replayed') + 1;
      if (status !== 200 || !isByStandby) faults.push([id, status, body, after]);
      before = after;
    }
    expect(faults).toEqual([]);
  });
});

describe('a caller reads its own writes', () => {
  afterEach(async () => {
    await servers.standby().query('select pg_wal_replay_resume()');
  });

  it('without a position and with it, whichever server answers', async () => {
    const { name, run } = await workflowWithRun();
    await caughtUp();
    const list = `/v1/runs?workflow=${name}`;
    const written = [run.id];
    const { by: reads } = await counted(async () => {
      for (let index = 0; index < 10; index += 1) {
        const { id, lsn } = await startRun(name);
        written.push(id);
        const headers = index % 2 === 0 ? {} : { [LSN]: lsn };
        expect(idsOf(await send(list, { headers })).sort()).toEqual([...written].sort());
      }
    });
    expect(by(reads, 'replayed')).toBeGreaterThan(0);
    expect(by(reads, 'replayed') + by(reads, 'not_replayed')).toBe(10);
  });

  it('from the primary while the replay is paused', async () => {
    const { name, run: first } = await workflowWithRun();
    await caughtUp();
    const list = `/v1/runs?workflow=${name}`;
    await servers.standby().query('select pg_wal_replay_pause()');
    await waitFor('the replay is paused', async () => {
      const { rows } = await servers
        .standby()
        .query<{ state: string }>('select pg_get_wal_replay_pause_state() as state');
      return rows[0]?.state === 'paused';
    });
    const second = await startRun(name);

    for (const headers of [{}, { [LSN]: second.lsn }, { [LSN]: 'FFFFFFFF/FFFFFFFF' }]) {
      const { answer, by: reads } = await counted(() => send(list, { headers }));
      expect(idsOf(answer)).toEqual([second.id, first.id]);
      expect(reads).toEqual({ not_replayed: 1 });
    }
    // The same read at an older position is the standby's: it has not replayed the second run.
    for (const headers of [ANY, { [LSN]: first.lsn }]) {
      const { answer, by: reads } = await counted(() => send(list, { headers }));
      expect(idsOf(answer)).toEqual([first.id]);
      expect(reads).toEqual({ replayed: 1 });
      const position = answer.headers.get(LSN) ?? '';
      const found = await sqlOf('select ($1::pg_lsn < $2::pg_lsn)::text as is_older', [
        position,
        second.lsn,
      ]);
      expect(found?.is_older).toBe('true');
    }
    // Every other read is the primary's.
    const { body } = await send(`/v1/runs/${second.id}`);
    expect((body.run as { id: string }).id).toBe(second.id);

    await servers.standby().query('select pg_wal_replay_resume()');
    await waitFor('the standby has the second run', async () => {
      const { answer, by: reads } = await counted(() =>
        send(list, { headers: { [LSN]: second.lsn } }),
      );
      expect(idsOf(answer)).toEqual([second.id, first.id]);
      return by(reads, 'replayed') === 1;
    });
  });

  it('and a lag above the limit is the end of every read of the replica, an idle primary is not', async () => {
    const strict = await servers.api({ DATABASE_REPLICA_MAX_LAG_MS: '300' });
    const { name } = await workflowWithRun();
    const list = `/v1/runs?workflow=${name}`;
    // The newest replayed transaction is older than the limit, and the standby has everything.
    await waitFor('the primary was idle for longer than the limit', async () => {
      const { rows } = await servers
        .standby()
        .query<{ is_old: boolean }>(
          "select clock_timestamp() - pg_last_xact_replay_timestamp() > interval '400 ms' as is_old",
        );
      return rows[0]?.is_old;
    });
    const idle = await counted(() => send(list, { headers: ANY }, strict), strict);
    expect(idle.by).toEqual({ replayed: 1 });

    await servers.standby().query('select pg_wal_replay_pause()');
    const { id } = await startRun(name);
    await waitFor('the replica lags', async () => {
      const { answer, by: reads } = await counted(
        () => send(list, { headers: ANY }, strict),
        strict,
      );
      return by(reads, 'lagging') === 1 && idsOf(answer)[0] === id;
    });
    expect((await metrics(strict)).replica_lag_seconds).toBeGreaterThan(0.3);
    await servers.standby().query('select pg_wal_replay_resume()');
    await caughtUp(strict);
  });

  it('through the SDK, which sends the position of its last answer', async () => {
    const { name } = await workflowWithRun();
    const key = await made('/v1/api-keys', {
      name: 'replica',
      scopes: ['run:read', 'run:execute'],
    });
    const sent: (string | null)[] = [];
    const stepbase = createStepbase({
      url: api.url,
      apiKey: String(key.body.key),
      fetch: (input, init) => {
        sent.push(new Headers(init?.headers).get(LSN));
        return fetch(input, init);
      },
    });
    await caughtUp();
    const { by: reads } = await counted(async () => {
      for (let index = 0; index < 5; index += 1) {
        const run = await stepbase.start(name);
        const [newest] = await stepbase.search({ workflow: name }).toArray({ max: 1 });
        expect(newest?.id).toBe(run.id);
      }
    });
    expect(sent[0]).toBeNull();
    expect(sent.slice(1).filter((position) => position === null)).toEqual([]);
    expect(by(reads, 'replayed') + by(reads, 'not_replayed')).toBe(5);
  });

  it('and gets a problem for a position that is none', async () => {
    const { status, body } = await send('/v1/runs', { headers: { [LSN]: 'newest' } });
    expect([status, body.code]).toEqual([400, 'invalid_request']);
  });
});

describe('the standby', () => {
  it('shows each application its own rows, and refuses what the primary refuses', async () => {
    const { run } = await workflowWithRun();
    await caughtUp();
    const viewer = await tokenOf('viewer@acme.example');
    const ask = (path: string, token: string) => counted(() => send(path, { token }));
    const [mine, theirs, audit] = [
      await ask('/v1/runs', acme),
      await ask('/v1/runs', globex),
      await ask('/v1/audit-log', viewer),
    ];
    expect(idsOf(mine.answer)).toContain(run.id);
    const apps = ({ body }: Answer) =>
      new Set((body.items as { app_code: string }[]).map((one) => one.app_code));
    expect([...apps(mine.answer)]).toEqual(['acme']);
    expect([...apps(theirs.answer)]).not.toContain('acme');
    expect([audit.answer.status, audit.answer.body.code]).toEqual([403, 'permission_denied']);
    for (const { by: reads } of [mine, theirs, audit]) expect(reads).toEqual({ replayed: 1 });
  });

  it('may cancel a statement that is in the way of the replay: the primary answers it', async () => {
    await workflowWithRun();
    await caughtUp();
    const first = await servers.primary.connect();
    const second = await servers.primary.connect();
    try {
      // The read waits for this lock, on the standby and later on the primary …
      await first.query('begin');
      await first.query('lock table stepbase.workers in access exclusive mode');
      await servers.primary.query(
        "select pg_logical_emit_message(true, 'test', 'flushes the lock')",
      );
      const reading = counted(() => send('/v1/workers'));
      await waitFor('the read waits on the standby', async () => {
        const { rows } = await servers.standby().query<{ waits: boolean }>(
          `select exists (
             select from pg_stat_activity where application_name = 'stepbase-api' and wait_event_type = 'Lock'
           ) as waits`,
        );
        return rows[0]?.waits;
      });
      // … and holds a lock that the replay of this one needs.
      await second.query('begin');
      await second.query('lock table stepbase.app_members in access exclusive mode');
      await servers.primary.query(
        "select pg_logical_emit_message(true, 'test', 'flushes the lock')",
      );
      await second.query('rollback');
      await waitFor('the read waits on the primary', async () => {
        const { rows } = await servers.primary.query<{ waits: boolean }>(
          `select exists (
             select from pg_stat_activity where application_name = 'stepbase-api' and wait_event_type = 'Lock'
           ) as waits`,
        );
        return rows[0]?.waits;
      });
      await first.query('rollback');
      const { answer, by: reads } = await reading;
      expect([answer.status, reads]).toEqual([200, { conflict: 1 }]);
    } finally {
      for (const client of [first, second]) {
        await client.query('rollback');
        client.release();
      }
    }
  });

  it('that is killed costs no answer, and reads return to it when it runs again', async () => {
    const { name, run } = await workflowWithRun();
    const list = `/v1/runs?workflow=${name}`;
    await caughtUp();
    expect(await metrics()).toMatchObject({ replica_up: 1 });
    await servers.kill();
    const down = await counted(async () => {
      for (let index = 0; index < 20; index += 1) {
        expect(idsOf(await send(list))).toEqual([run.id]);
      }
    });
    expect(down.by).toEqual({ unreachable: 20 });
    expect(await metrics()).toMatchObject({ replica_up: 0 });
    const ready = await fetch(`${api.url}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([
      200,
      { status: 'degraded', checks: { postgres: { status: 'ok' }, replica: { status: 'failed' } } },
    ]);
    const { id } = await startRun(name);
    await servers.startAgain();
    await caughtUp();
    expect(idsOf(await send(list))).toEqual([id, run.id]);
    expect(await (await fetch(`${api.url}/readyz`)).json()).toMatchObject({
      status: 'ok',
      checks: { replica: { status: 'ok' } },
    });
  });
});
