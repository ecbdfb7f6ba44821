// Crashes in the middle of a run: a killed worker, a worker that is frozen past its lease and resumes, and a database
// crash. The run ends as without the crash, and no step completes twice.

import { randomUUID } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ChaosEnvironment, createChaosEnvironment } from '../../scripts/chaos/environment.ts';
import { waitFor } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { node, type TestApp, testApp, value } from './support.ts';

/** Longer on a slow machine: a worker without time to renew its lease loses the step, as if it had been killed. */
const LEASE_SECONDS = Math.ceil(scaled(1_000) / 1_500);

let environment: ChaosEnvironment;
let b: TestApp;
let server: Server;
let url: string;
/** Requests that wait for a response from the test. */
let answering = false;
let held: { path: string; key: string | undefined; body: string; response: ServerResponse }[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      if (answering) answer(response, Number((request.url ?? '').slice(1)));
      const key = request.headers['idempotency-key']?.toString();
      held.push({ path: request.url ?? '', key, body, response });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  environment = await createChaosEnvironment({ workers: 2, leaseSeconds: LEASE_SECONDS });
  b = await testApp(environment.info);
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await environment?.stop();
});
beforeEach(async () => {
  held = [];
  await waitFor('two workers are up', areUp, 30_000);
});

const nodes = () => [
  value('before', 'input.n'),
  node('ask', 'http_request', { url: `${url}/{{ input.n }}` }),
  value('after', 'steps.before.output + steps.ask.output.body.answer'),
];
const LINES = ['before > ask', 'ask > after'];

/** The nth open request (from 0). */
const request = (n: number) => waitFor(`request ${n + 1}`, () => held[n] ?? false, 20_000);

function answer(response: ServerResponse, answer: number): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ answer }));
}

/** The counters of a worker, which it shows to the secret key only. */
async function counters(port: number): Promise<{ executing: number; tokens: number }> {
  const health = await fetch(`http://127.0.0.1:${port}/stepbase-worker/healthz`, {
    headers: { apikey: environment.info.secret_key },
  });
  return (await health.json()) as { executing: number; tokens: number };
}

async function executing(): Promise<{ pid: number; port: number }> {
  return await waitFor('a worker that executes the step', async () => {
    for (const member of environment.fleet.members) {
      if ((await counters(member.port)).executing > 0) return member;
    }
    return undefined;
  });
}

async function areUp(): Promise<boolean> {
  const { members } = environment.fleet;
  const health = members.map(({ port }) =>
    fetch(`http://127.0.0.1:${port}/stepbase-worker/healthz`),
  );
  return members.length === 2 && (await Promise.allSettled(health)).every(isFulfilled);
}

const isFulfilled = ({ status }: { status: string }) => status === 'fulfilled';

function hasExited(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

async function claims(runId: string): Promise<unknown[]> {
  const { data } = await b.developer
    .from('run_events')
    .select('payload')
    .eq('run_id', runId)
    .eq('step_id', 'ask')
    .eq('event_type', 'step.started')
    .order('seq');
  return (data ?? []).map(({ payload }) => (payload as { fence?: number }).fence ?? 1);
}

test('another worker finishes the run of a killed worker', async () => {
  const { id } = await b.start(await b.publish(nodes(), LINES), { n: 1 });
  const first = await request(0);
  expect(environment.fleet.killOne() && environment.fleet.killOne()).toBe(true);
  const second = await request(1);
  expect(second.key).toBe(first.key);
  answer(second.response, 41);
  const { run, all } = await b.ended(id);
  expect(run).toMatchObject({ status: 'completed', output: { after: 42 } });
  // Taken over, not started again: still the first attempt, under its second fence.
  expect(all.map((s) => [s.step_id, s.attempt, s.status])).toEqual([
    ['after', 1, 'completed'],
    ['ask', 1, 'completed'],
    ['before', 1, 'completed'],
  ]);
  expect(await claims(id)).toEqual([1, 2]);
});

test('a killed worker repeats one call of the model of an agent, and no tool that has ended', async () => {
  const mark = randomUUID();
  const prompt = await b.developer
    .from('agent_prompts')
    .insert({ name: `p-${mark}`, prompt_content: 'Help.' })
    .select('id')
    .single();
  const { error } = await b.developer.from('components').insert([
    {
      name: `a-${mark}`,
      implementation_type: 'ai_agent_task',
      agent_prompt_id: prompt.data?.id ?? null,
      model_name: 'm',
    },
    { name: `t-${mark}`, implementation_type: 'service_task', endpoint: `${url}/tool` },
  ]);
  expect(error).toBeNull();
  const { id } = await b.start(
    await b.publish([
      node('ask', 'ai_agent_task', {
        component: `a-${mark}`,
        base_url: `${url}/v1`,
        tools: [{ component: `t-${mark}`, name: 'tool' }],
      }),
    ]),
  );
  const kill = () => expect(environment.fleet.killOne() && environment.fleet.killOne()).toBe(true);
  const reply = ({ response }: { response: ServerResponse }, body: object) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(body));
  };
  const say = (message: object) => ({
    choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', ...message } }],
  });

  const asked = await request(0);
  reply(asked, say({ tool_calls: [{ id: 'c', function: { name: 'tool', arguments: '{}' } }] }));
  // Its answer is stored before the tool runs: the next worker does not ask again.
  const tool = await request(1);
  kill();
  const toolAgain = await request(2);
  expect([tool.path, toolAgain.path, toolAgain.key]).toEqual(['/tool', '/tool', tool.key]);
  reply(toolAgain, { found: true });
  const second = await request(3);
  await waitFor('two workers are up', areUp, 30_000);
  kill();
  const secondAgain = await request(4);
  expect(secondAgain.key).toBe(second.key);
  expect(second.key).not.toBe(asked.key);
  expect(secondAgain.body).toBe(second.body);
  expect(secondAgain.body).toContain('{\\"found\\":true}');
  reply(secondAgain, say({ content: 'Found.' }));
  const { run, all } = await b.ended(id);
  expect(run).toMatchObject({ status: 'completed', output: { ask: { text: 'Found.', turns: 2 } } });
  expect(held).toHaveLength(5);
  expect(all.map((s) => [s.item_index, s.attempt, s.status])).toEqual([
    [-2, 1, 'completed'],
    [0, 1, 'completed'],
  ]);
});

test('the callback of a component counts although its worker was killed before the answer 202', async () => {
  const name = `c-${randomUUID()}`;
  const { error } = await b.developer.from('components').insert({
    name,
    implementation_type: 'service_task',
    endpoint: `${url}/component`,
  });
  expect(error).toBeNull();
  const { id } = await b.start(
    await b.publish(
      [node('ask', 'service_task', { component: name }), value('after', 'steps.ask.output.answer')],
      ['ask > after'],
    ),
  );
  const first = await request(0);
  expect(environment.fleet.killOne() && environment.fleet.killOne()).toBe(true);
  // The worker that repeats the call gets 202, and the first call is answered.
  const second = await request(1);
  second.response.writeHead(202).end();
  await b.stepIs(id, 'ask', 'waiting');
  const tokenOf = ({ body }: { body: string }) =>
    (JSON.parse(body) as { callback: { token: string } }).callback.token;
  expect(second.key).toBe(first.key);
  expect(tokenOf(second)).not.toBe(tokenOf(first));
  await b.db.query('select stepbase_engine.complete_callback($1, $2)', [
    tokenOf(first),
    JSON.stringify({ answer: 42 }),
  ]);
  const { run, all } = await b.ended(id);
  expect(run).toMatchObject({ status: 'completed', output: { after: 42 } });
  expect(all.map((s) => [s.step_id, s.attempt, s.status])).toEqual([
    ['after', 1, 'completed'],
    ['ask', 1, 'completed'],
  ]);
});

test('another worker continues the compensation of a killed worker', async () => {
  const undo = (path: string) => ({ type: 'http_request', config: { url: `${url}/${path}` } });
  const done = (id: string) => ({
    id,
    type: 'transform',
    data: { config: { expression: '1' }, compensate: undo(id) },
  });
  const { id } = await b.start(
    await b.publish(
      [done('one'), done('two'), value('bad', '$error("no")')],
      ['one > two', 'two > bad'],
    ),
  );
  const first = await request(0);
  expect(first.path).toBe('/two');
  expect(environment.fleet.killOne() && environment.fleet.killOne()).toBe(true);
  const second = await request(1);
  expect([second.path, second.key]).toEqual(['/two', first.key]);
  answer(second.response, 1);
  const third = await request(2);
  expect(third.path).toBe('/one');
  answer(third.response, 1);
  const { run, all } = await b.ended(id);
  expect(run).toMatchObject({ status: 'failed', error: { step_id: 'bad' } });
  expect(run.error).not.toHaveProperty('compensation_failed');
  expect(all.filter((s) => s.item_index === -1).map((s) => [s.step_id, s.attempt])).toEqual([
    ['one', 1],
    ['two', 1],
  ]);
});

test('branches that were completed before their worker was killed stay completed', async () => {
  const ids = Array.from({ length: 30 }, (_, i) => `w${i}`);
  const { id } = await b.start(
    await b.publish(
      [
        value('a', '1'),
        ...ids.map((w, i) =>
          i % 3 ? value(w, `${i}`) : node(w, 'http_request', { url: `${url}/${w}` }),
        ),
        value('join', '$sum([steps.w1.output, steps.w29.output])'),
      ],
      ids.flatMap((w) => [`a > ${w}`, `${w} > join`]),
    ),
  );
  await waitFor('ten requests are open', () => held.length >= 10);
  for (const { response } of held.slice(0, 3)) answer(response, 1);
  await waitFor('23 branches are done', async () => {
    const { rows } = await b.db.query<{ n: number }>(
      `select count(*)::int as n from stepbase.step_runs
       where run_id = $1 and status = 'completed' and step_id like 'w%'`,
      [id],
    );
    return rows[0]?.n === 23;
  });
  const open = new Set(held.slice(3, 10).map(({ path }) => path));
  held = [];
  expect(environment.fleet.killOne() && environment.fleet.killOne()).toBe(true);
  const asked = () => new Set(held.map(({ path }) => path));
  // On a busy machine a worker may lose its lease once more; then a request is repeated.
  await waitFor('the open branches are requested again', () => asked().size >= open.size, 20_000);
  expect(asked()).toEqual(open);
  await waitFor('all requests have a response', async () => {
    for (const { response } of held) if (!response.writableEnded) answer(response, 1);
    const { data } = await b.developer.from('runs').select('status').eq('id', id).single();
    return data?.status !== 'running';
  });
  expect(asked()).toEqual(open);
  const { run } = await b.ended(id);
  expect(run).toMatchObject({ status: 'completed', output: { join: 30 } });
});

test('a worker that was frozen past its lease is fenced off when it resumes', async () => {
  const { id } = await b.start(await b.publish(nodes(), LINES), { n: 1 });
  const first = await request(0);
  const { pid, port } = await executing();
  process.kill(pid, 'SIGSTOP');
  try {
    const second = await request(1);
    // Both workers write their result, the frozen one first: its result is rejected.
    answer(first.response, 1000);
    process.kill(pid, 'SIGCONT');
    await waitFor('the frozen worker has reported its result', async () => {
      const { executing: steps, tokens } = await counters(port);
      return steps === 0 && tokens === 0;
    });
    await b.stepIs(id, 'ask', 'running');
    answer(second.response, 41);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  const { run, step } = await b.ended(id);
  expect(run).toMatchObject({ status: 'completed', output: { after: 42 } });
  expect(step('ask').output).toMatchObject({ body: { answer: 41 } });
  expect(await claims(id)).toEqual([1, 2]);
});

test('a superseded worker that stops does not release the lease of its successor', async () => {
  const { id } = await b.start(await b.publish(nodes(), LINES), { n: 1 });
  await request(0);
  const { pid } = await executing();
  process.kill(pid, 'SIGSTOP');
  try {
    const second = await request(1);
    process.kill(pid, 'SIGTERM');
    process.kill(pid, 'SIGCONT');
    await waitFor('the superseded worker has exited', () => hasExited(pid), 30_000);
    expect(await b.stepIs(id, 'ask', 'running')).toMatchObject({ fence: 2 });
    answer(second.response, 41);
  } finally {
    if (!hasExited(pid)) process.kill(pid, 'SIGCONT');
  }
  const { run } = await b.ended(id);
  expect(run).toMatchObject({ status: 'completed', output: { after: 42 } });
  expect(held).toHaveLength(2);
  expect(await claims(id)).toEqual([1, 2]);
});

test('a superseded worker does not renew the lease of its successor', async () => {
  const { id } = await b.start(await b.publish(nodes(), LINES), { n: 1 });
  await request(0);
  const { pid } = await executing();
  const other = environment.fleet.members.find((member) => member.pid !== pid);
  process.kill(pid, 'SIGSTOP');
  try {
    await request(1);
    process.kill(pid, 'SIGCONT');
    // It still executes the step and tries to renew a lease that it no longer has.
    process.kill(other?.pid ?? 0, 'SIGSTOP');
    answer((await request(2)).response, 41);
    expect((await b.ended(id)).run.output).toEqual({ after: 42 });
  } finally {
    process.kill(pid, 'SIGCONT');
    process.kill(other?.pid ?? 0, 'SIGCONT');
    // Ends the superseded executions, so that they do not run during the next tests.
    for (const { response } of held) if (!response.writableEnded) answer(response, 0);
  }
  expect(await claims(id)).toEqual([1, 2, 3]);
});

test('a worker that resumes does not continue with its rejected result', async () => {
  const ids = Array.from({ length: 60 }, (_, i) => `c${i}`);
  const { id } = await b.start(
    await b.publish(
      [
        node('a', 'http_request', { url: `${url}/a` }),
        node('b', 'http_request', { url: `${url}/b` }),
        ...ids.map((c) => value(c, 'steps.a.output.body.answer')),
      ],
      ids.map((c) => `a > ${c}`),
    ),
  );
  const asked = (path: string, n: number) =>
    waitFor(`request ${n} of ${path}`, () => held.filter((r) => r.path === path)[n - 1], 20_000);
  const [stale] = await Promise.all([asked('/a', 1), asked('/b', 1)]);
  const { pid, port } = await executing();
  process.kill(pid, 'SIGSTOP');
  try {
    const fresh = await asked('/a', 2);
    answer(stale.response, 1000);
    process.kill(pid, 'SIGCONT');
    // It still waits for the response to its own request b, so it keeps the run in memory.
    await waitFor('only b is in flight in the worker that resumed', async () => {
      return (await counters(port)).executing === 1;
    });
    // The other worker is killed while it executes the fan-out: the first continues with some branches.
    const other = environment.fleet.members.find((member) => member.pid !== pid);
    answer(fresh.response, 41);
    await b.stepIs(id, 'a', 'completed');
    process.kill(other?.pid ?? 0, 'SIGSTOP');
    await waitFor('all branches of the fan-out have completed', async () => {
      const { rows } = await b.db.query<{ n: number }>(
        `select count(*)::int as n from stepbase.step_runs
         where run_id = $1 and status = 'completed' and step_id like 'c%'`,
        [id],
      );
      return rows[0]?.n === ids.length;
    });
    process.kill(other?.pid ?? 0, 'SIGCONT');
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  for (const { path, response } of held) if (path === '/b') answer(response, 1);
  answering = true;
  const { run } = await b.ended(id);
  answering = false;
  expect(new Set(ids.map((c) => run.context[c]))).toEqual(new Set([41]));
});

test('a worker that renews its lease keeps its token, however long the step takes', async () => {
  const { id } = await b.start(await b.publish(nodes(), LINES), { n: 1 });
  const first = await request(0);
  const touched = async () => {
    const { rows } = await b.db.query<{ at: Date | null }>(
      `select heartbeat_on as at from stepbase_queue.job
       where name = 'steps' and (data ->> 'run_id')::uuid = $1`,
      [id],
    );
    return rows[0]?.at?.getTime();
  };
  const begun = await waitFor('the first renewal', touched);
  await waitFor('several lease periods have passed', async () => {
    const at = await touched();
    return at !== undefined && at - begun > 2_500 * LEASE_SECONDS;
  });
  expect(held).toHaveLength(1);
  answer(first.response, 41);
  expect((await b.ended(id)).run.output).toEqual({ after: 42 });
  expect(await claims(id)).toEqual([1]);
});

test('a step that crashes every worker fails in the end', async () => {
  const { id } = await b.start(await b.publish([node('ask', 'http_request', { url })]));
  await request(0);
  // As after five crashed workers.
  await b.db.query('update stepbase.step_runs set fence = 5 where run_id = $1', [id]);
  expect(environment.fleet.killOne() && environment.fleet.killOne()).toBe(true);
  const { run } = await b.ended(id);
  expect(run).toMatchObject({ status: 'failed', error: { code: 'worker_lost', step_id: 'ask' } });
});

test('a run continues where it was after the database has crashed', async () => {
  const workflow = await b.publish([...nodes(), node('wait', 'delay', { ms: 300 })], LINES);
  const started = await Promise.all([1, 2, 3].map((n) => b.start(workflow, { n })));
  await waitFor('all three requests are open', () => held.length === 3);
  const restarting = environment.restartDatabase();
  // The responses arrive while the database is down, so the results cannot be written; a lease may expire.
  answering = true;
  for (const { response, path } of held) answer(response, Number(path.slice(1)));
  await restarting;
  for (const [i, { id }] of started.entries()) {
    const { run } = await b.ended(id, 30_000);
    expect(run).toMatchObject({ status: 'completed', output: { after: 2 * (i + 1) } });
  }
});
