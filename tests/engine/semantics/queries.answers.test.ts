// Queries read the state of a run without changing it.

import { beforeAll, describe, expect, test } from 'vitest';
import { signedIn } from '../../support/stack.ts';
import { codeOf, node, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
let runId: string;

beforeAll(async () => {
  b = await testApp();
  const name = await b.publish(
    [
      value('lines', '[{"n": 2}, {"n": 3}]'),
      node('wait', 'wait_for_signal', { signal_name: 'go' }),
    ],
    ['lines > wait'],
  );
  const { data } = await b.developer.from('workflows').select('id').eq('kebab_name', name).single();
  const declare = async (query_name: string, expression: string | null, return_type?: object) => {
    const { error } = await b.developer
      .from('workflow_queries')
      .insert({ workflow_id: data?.id, query_name, expression, return_type });
    if (error) throw new Error(error.message);
  };
  await declare('second', 'steps.lines.output.1.n', { type: 'number' });
  await declare('each', 'steps.lines.output.n', { type: 'array' });
  await declare('who', 'input.customer', { type: 'string' });
  await declare('everything', null);
  await declare('total', '$sum(steps.lines.output.n)', { type: 'number' });
  await declare('wrong', '"text" & run.status', { type: 'number' });
  await declare('broken', '$error("no")');
  await declare('backtracking', `"${'x'.repeat(45)}z" & ""`, { pattern: '^(x|xx)+y$' });
  runId = (await b.start(name, { customer: 7 })).id;
  await b.stepIs(runId, 'wait', 'waiting');
});

const ask = (query_name: string, client = b.developer, run_id = runId) =>
  client.rpc('query_run', { run_id, query_name });

async function askApi(name: string) {
  const session = await b.developer.auth.getSession();
  const response = await fetch(
    `${b.stack.api_url}/functions/v1/stepbase-api/v1/runs/${runId}/queries/${name}`,
    {
      headers: {
        apikey: b.stack.publishable_key,
        authorization: `Bearer ${session.data.session?.access_token}`,
      },
    },
  );
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('query_run', () => {
  test('answers the built-in queries', async () => {
    expect((await ask('status')).data).toMatchObject({
      id: runId,
      status: 'running',
      steps_total: 2,
    });
    expect((await ask('context')).data).toEqual({ lines: [{ n: 2 }, { n: 3 }] });
    expect((await ask('steps')).data).toMatchObject({
      lines: { status: 'completed', attempt: 1 },
      wait: { status: 'waiting' },
    });
  });

  test('answers declared paths and the whole context', async () => {
    expect((await ask('second')).data).toBe(3);
    expect((await ask('everything')).data).toEqual({ lines: [{ n: 2 }, { n: 3 }] });
  });

  test('refuses an answer that does not match its return type', async () => {
    expect(codeOf(await ask('who'))).toBe('SB409 conflict');
  });

  test('answers a JSONata query through the HTTP API; the RPC refers to it', async () => {
    expect(codeOf(await ask('total'))).toBe('SB400 invalid_request');
    expect(await askApi('total')).toEqual({ status: 200, body: { answer: 5 } });
    expect(await askApi('second')).toEqual({ status: 200, body: { answer: 3 } });
    // A path through a list selects the value of each element.
    expect(codeOf(await ask('each'))).toBe('SB400 invalid_request');
    expect(await askApi('each')).toEqual({ status: 200, body: { answer: [2, 3] } });
    expect(await askApi('wrong')).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect(await askApi('broken')).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect(await askApi('nobody')).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  test('a return type that backtracks without end does not keep other callers waiting', async () => {
    const begun = performance.now();
    await askApi('total');
    const ordinary = performance.now() - begun;
    const started = performance.now();
    const greedy = askApi('backtracking');
    expect(await askApi('second')).toEqual({ status: 200, body: { answer: 3 } });
    const beside = performance.now() - started;
    expect(await greedy).toMatchObject({
      status: 409,
      body: { expression_error: 'expression_timeout' },
    });
    expect(beside).toBeLessThan(2_000 + 10 * ordinary);
  });

  test('refuses unknown queries, unknown runs and runs of other apps', async () => {
    expect(codeOf(await ask('nobody'))).toBe('SB404 not_found');
    expect(codeOf(await ask('status', await signedIn('admin@globex')))).toBe('SB404 not_found');
    expect((await ask('status', await signedIn('viewer@acme'))).error).toBeNull();
  });

  test('does not change the run', async () => {
    const read = () =>
      b.developer.from('runs').select('event_seq, updated_at').eq('id', runId).single();
    const before = await read();
    await ask('status');
    await askApi('total');
    expect((await read()).data).toEqual(before.data);
  });
});
