// Numbers that a double cannot hold: on every way into a run, steps receive their digits; PostgreSQL keeps the number.

import { createHmac, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseJsonToPassOn } from '../../../functions/_shared/text/json-numbers.ts';
import { type HttpServer, type Received, serveHttp } from '../../../scripts/fakes/http.ts';
import type { Json } from '../../../types/database.ts';
import { waitFor } from '../../support/stack.ts';
import { codeOf, node, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
let server: HttpServer;
const received: Received[] = [];

const DIGITS = '-4611686018427387905';
const AMOUNT = '99999999999999999.95';
const text = `{"id": ${DIGITS}, "list": [${AMOUNT}, 19.9]}`;
/** The client's JSON.stringify writes it as `text`. */
const unsafe = parseJsonToPassOn(text) as Json;
const digits = { id: DIGITS, list: [AMOUNT, 19.9] };

beforeAll(async () => {
  b = await testApp();
  server = await serveHttp((request) => {
    received.push(request);
    return { raw: text, headers: { 'content-type': 'application/json' } };
  });
});
afterAll(() => server.stop());

/** What code sees, and what JSONata sees. */
const seen = (of: string) => [
  node('code', 'inline_code', { code: `({ input, steps }) => JSON.stringify(${of})` }),
  value('path', of),
];
const asSeen = { code: JSON.stringify(digits), path: digits };

async function stored(column: 'input' | 'output', runId: string): Promise<string> {
  const { rows } = await b.db.query<{ value: string }>(
    `select ${column}::text as value from stepbase.runs where id = $1`,
    [runId],
  );
  return rows[0]?.value ?? '';
}

describe('a number that a double cannot hold', () => {
  test('in the input by RPC: PostgreSQL keeps it, steps read its digits', async () => {
    const input_schema = {
      type: 'object',
      properties: {
        id: { type: 'integer', minimum: parseJsonToPassOn(DIGITS) as Json },
        list: { items: { type: 'number', multipleOf: 0.05 } },
      },
    };
    const workflow = await b.publish(seen('input'), [], { input_schema });
    const { id } = await b.start(workflow, unsafe);
    expect((await b.ended(id)).run.output).toEqual(asSeen);
    expect(await stored('input', id)).toBe(text);
    for (const wrong of ['{"id": -4611686018427387906}', '{"list": [99999999999999999.96]}']) {
      const refused = await b.developer.rpc('start_run', {
        workflow,
        input: parseJsonToPassOn(wrong) as Json,
      });
      expect(codeOf(refused)).toBe('SB422 invalid_input');
    }
    // As a step would pass them on.
    const { id: again } = await b.start(workflow, digits);
    expect((await b.ended(again)).run.output).toEqual(asSeen);
  });

  test('in the answer of a service, in what a step sends on, and in the input of a child', async () => {
    const child = await b.publish(seen('input'), [], {
      input_schema: { properties: { id: { type: 'integer', maximum: -1 } } },
    });
    const { run } = await b.run(
      [
        node('get', 'http_request', { url: server.url }),
        node('put', 'http_request', {
          method: 'POST',
          url: `${server.url}/orders/{{ steps.get.output.body.id }}`,
          body: { id: '{{ steps.get.output.body.id }}', t: 'no. {{ steps.get.output.body.id }}' },
        }),
        node('child', 'child_workflow', { workflow: child, input: '{{ steps.get.output.body }}' }),
      ],
      ['get > put', 'get > child'],
    );
    expect(run.status).toBe('completed');
    expect(run.output).toMatchObject({ child: asSeen });
    expect(received.at(-1) ?? {}).toMatchObject({ method: 'POST' });
    const sent = received.find(({ method }) => method === 'POST');
    expect(sent?.path).toContain(DIGITS);
    expect(sent?.body).toEqual({ id: DIGITS, t: `no. ${DIGITS}` });
  });

  test('in a signal, the result of a task and an item of a list', async () => {
    const { id } = await b.start(
      await b.publish(
        [
          node('signal', 'wait_for_signal', { signal_name: 'go' }),
          node('task', 'user_task', {
            title: 'Check',
            form: { properties: { id: { type: 'integer', maximum: 0 } } },
          }),
          node('each', 'for_each', {
            items: '{{ steps.signal.output.list }}',
            step: { type: 'transform', config: { expression: '{"of": item, "text": "=" & item}' } },
          }),
          ...seen('[steps.signal.output, steps.task.output]'),
        ],
        ['signal > task', 'task > each', 'each > code', 'each > path'],
      ),
    );
    await b.stepIs(id, 'signal', 'waiting');
    await b.developer.rpc('send_signal', { run_id: id, signal_name: 'go', payload: unsafe });
    const task = await b.stepIs(id, 'task', 'waiting');
    const done = await b.developer.rpc('complete_task', { step_run_id: task.id, output: unsafe });
    expect(codeOf(done)).toBe('none');
    const { run } = await b.ended(id);
    expect(run.output).toEqual({ code: JSON.stringify([digits, digits]), path: [digits, digits] });
    expect(run.context.each).toEqual([
      { of: AMOUNT, text: `=${AMOUNT}` },
      { of: 19.9, text: '=19.9' },
    ]);
  });

  test('in an event that a step or a client emits; a filter takes both', async () => {
    const name = `test.${randomUUID()}`;
    const listener = await b.publish(seen('input.event.payload'));
    const workflow = await b.developer
      .from('workflows')
      .select('id')
      .eq('kebab_name', listener)
      .single<{ id: string }>();
    const { error } = await b.developer.from('workflow_triggers').insert({
      trigger_type: 'event',
      event_name: name,
      workflow_id: workflow.data?.id ?? '',
      filter: parseJsonToPassOn(`{"id": ${DIGITS}}`) as Json,
    });
    expect(error).toBeNull();
    for (const other of [`{"id": ${DIGITS}1}`, '{"id": -4611686018427387904}']) {
      await b.developer.rpc('emit_event', { name, payload: parseJsonToPassOn(other) as Json });
    }
    expect(codeOf(await b.developer.rpc('emit_event', { name, payload: unsafe }))).toBe('none');
    await b.run([node('emit', 'emit_event', { name, payload: '{{ input }}' })], [], unsafe);
    const runs = await waitFor('both events start a run', async () => {
      const { rows } = await b.db.query<{ id: string }>(
        `select r.id from stepbase.runs r join stepbase.workflows w on w.id = r.workflow_id where w.kebab_name = $1`,
        [listener],
      );
      return rows.length >= 2 ? rows : undefined;
    });
    expect(runs).toHaveLength(2);
    for (const { id } of runs) expect((await b.ended(id)).run.output).toEqual(asSeen);
  });

  test('in a webhook call and a request of the HTTP API', async () => {
    const { data, error } = await b.developer.rpc('create_webhook', {
      workflow: await b.publish(seen('input.body')),
      name: 'orders',
    });
    expect(error).toBeNull();
    const hook = data as { path: string; secret: string };
    const id = randomUUID();
    const timestamp = Math.floor(Date.now() / 1000);
    const key = Buffer.from(hook.secret.replace('whsec_', ''), 'base64');
    const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${text}`).digest('base64');
    const called = await fetch(`${b.stack.http_api_url}${hook.path}`, {
      method: 'POST',
      body: text,
      headers: {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': `v1,${mac}`,
      },
    });
    const { run_id: runId } = (await called.json()) as { run_id: string };
    expect((await b.ended(runId)).run.output).toEqual(asSeen);
    expect(await stored('input', runId)).toContain(`"body": ${text}`);

    const session = await b.developer.auth.getSession();
    const authorization = `Bearer ${session.data.session?.access_token}`;
    const workflow = await b.publish(seen('input'));
    const started = await fetch(`${b.stack.http_api_url}/v1/workflows/${workflow}/runs`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: `{"input": ${text}}`,
    });
    expect(started.status).toBe(201);
    const run = (await started.json()) as { id: string };
    expect((await b.ended(run.id)).run.output).toEqual(asSeen);
    expect(await stored('input', run.id)).toBe(text);
    const read = await fetch(`${b.stack.http_api_url}/v1/runs/${run.id}`, {
      headers: { authorization },
    });
    expect(((await read.json()) as { run: { input: unknown } }).run.input).toEqual(digits);
  });

  test('in an expression is refused when the workflow is published', async () => {
    for (const [expression, isRefused] of [
      [`input.id = ${DIGITS}`, true],
      ['{"a": [1, 0.12345678901234567]}', true],
      [`input.id = "${DIGITS}"`, false],
    ] as const) {
      const published = b.publish([node('a', 'transform', { expression })]);
      if (isRefused) await expect(published).rejects.toThrow(/a double cannot hold the number/);
      else await published;
    }
    // A slash hides the rest from SQL, and the worker refuses it.
    const { run } = await b.run([value('a', 'input.x / 9007199254740993')], [], { x: 1 });
    expect(run).toMatchObject({ status: 'failed', error: { code: 'invalid_definition' } });
  });
});

describe('a result that JSON cannot write as a number', () => {
  test.for([
    ['transform', { expression: 'input.a / input.b' }],
    ['transform', { expression: '{"list": [1, {"x": input.b / input.b}]}' }],
    ['condition', { expression: '-input.a / input.b' }],
    ['inline_code', { code: '({ input }) => ({ mean: input.b / input.b })' }],
    ['emit_event', { name: 'test.mean', payload: { mean: '{{ input.a / input.b }}' } }],
  ] as const)('fails a %s: %o', async ([type, config]) => {
    const { run, step } = await b.run([node('a', type, config as Json)], [], { a: 1, b: 0 });
    expect(run.status).toBe('failed');
    expect(step('a').error).toMatchObject({ code: 'number_not_finite', retryable: false });
  });
});

test('numbers in text are written as $string writes them', async () => {
  const { run } = await b.run(
    [
      value('jsonata', '"=" & (input.a * 3) & " " & $string(input)'),
      node('template', 'emit_event', {
        name: 'test.text',
        payload: { text: '={{ input.a * 3 }} {{ input }}' },
      }),
    ],
    [],
    { a: 0.7, n: 9007199254740991 },
  );
  const output = run.output as { jsonata: string; template: { payload: { text: string } } };
  expect(output.jsonata).toBe('=2.1 {"a":0.7,"n":9007199254740991}');
  expect(output.template.payload.text).toBe(output.jsonata);
});
