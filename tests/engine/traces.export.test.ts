// Traces on a stack with a collector: the spans of a run and their parents, traceparent in and out, executions after a
// crash, and what spans must not contain.

import {
  createServer,
  type IncomingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Stack } from '../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import { type Inbox, inbox, waitFor } from '../support/stack.ts';
import { failing, node, type TestApp, testApp, value } from './support.ts';
import { type Collector, type ReceivedSpan, startCollector } from './traces.ts';

const CALLER = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };

interface Call {
  path: string;
  headers: IncomingHttpHeaders;
  response: ServerResponse;
}

let collector: Collector;
let stack: Stack;
let server: Server;
let url: string;
let calls: Inbox<Call>;
let b: TestApp;

beforeAll(async () => {
  collector = await startCollector();
  calls = inbox();
  server = createServer((request, response) => {
    const path = request.url ?? '';
    if (!path.startsWith('/hold')) {
      response.writeHead(path.startsWith('/503') && !isRepeated(path) ? 503 : 200).end('{}');
    }
    calls.push({ path, headers: request.headers, response });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  stack = await startThrowawayStack({
    web: false,
    functionsEnv: {
      STEPBASE_LEASE_SECONDS: '1',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-api-key=of%20the%20collector',
      OTEL_SERVICE_NAME: 'orders',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    },
  });
  b = await testApp(stack.info);
  await waitFor('a worker announces that it exports traces', async () => {
    const { rows } = await b.db.query("select from stepbase.workers where metadata ? 'traces'");
    return rows.length > 0;
  });
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await stack?.stop();
  collector.stop();
});

const isRepeated = (path: string) => calls.all.some((call) => call.path === path);

const spanOf = (runId: string, name: string, nth = 0): Promise<ReceivedSpan> =>
  waitFor(
    `span ${name} of ${runId}`,
    () =>
      collector.spans.all
        .filter((span) => span.attributes['stepbase.run_id'] === runId && span.name.includes(name))
        .at(nth),
    20_000,
  );

const traceparentOf = ({ traceId, spanId }: { traceId: string; spanId: string }, flags = '01') =>
  `00-${traceId}-${spanId}-${flags}`;

// The worker exports what it has each five seconds, so these tests wait together.
describe.concurrent('with a collector', () => {
  test('a run is a trace: its attempts are children of its span, and calls continue it', async () => {
    const path = `/503/${crypto.randomUUID()}`;
    const { run } = await b.run(
      [
        value('first', 'input.n'),
        node(
          'call',
          'http_request',
          { url: `${url}${path}` },
          { retry: { max_attempts: 2, delay_ms: 1 } },
        ),
        value('last', 'steps.call.output.status'),
      ],
      ['first > call', 'call > last'],
      { n: 1, note: 'never-in-a-span' },
    );
    const root = await spanOf(run.id, 'run ');
    const attempts = await Promise.all([
      spanOf(run.id, 'transform first'),
      spanOf(run.id, 'http_request call', 0),
      spanOf(run.id, 'http_request call', 1),
      spanOf(run.id, 'transform last'),
    ]);

    expect(root).toMatchObject({
      traceId: run.trace_id,
      kind: 5,
      status: {},
      resource: { 'service.name': 'orders', 'deployment.environment.name': 'test' },
      attributes: { 'stepbase.run_status': 'completed', 'stepbase.app_code': 'acme' },
    });
    expect(root.parentSpanId).toBeUndefined();
    expect(root.headers['x-api-key']).toBe('of the collector');
    for (const span of attempts) {
      expect(span).toMatchObject({ traceId: run.trace_id, parentSpanId: root.spanId });
      expect(span.endTimeUnixNano).toBeGreaterThanOrEqual(span.startTimeUnixNano);
    }
    expect(new Set([root, ...attempts].map(({ spanId }) => spanId)).size).toBe(5);
    const [, one, two] = attempts;
    expect(one).toMatchObject({
      kind: 3,
      status: { code: 2 },
      attributes: { 'stepbase.attempt': '1', 'error.type': 'http_server_error' },
    });
    expect(two).toMatchObject({ status: {}, attributes: { 'stepbase.attempt': '2' } });
    expect(
      calls.all.filter((call) => call.path === path).map(({ headers }) => headers.traceparent),
    ).toEqual([one, two].map((span) => span && traceparentOf(span)));
    expect(collector.problems).toEqual([]);
  });

  test('a run continues the trace of its caller, and child runs continue it below their step', async () => {
    const child = await b.publish([failing('bad')]);
    const parent = await b.publish([
      node('child', 'child_workflow', { workflow: child }, { on_error: 'continue' }),
    ]);
    const { id } = await b.start(parent, {}, { metadata: { traceparent: traceparentOf(CALLER) } });
    await b.ended(id);
    const { rows } = await b.db.query<{ id: string; trace_id: string }>(
      'select id, trace_id from stepbase.runs where parent_run_id = $1',
      [id],
    );
    expect(rows[0]?.trace_id).toBe(CALLER.traceId);

    const root = await spanOf(id, 'run ');
    const step = await spanOf(id, 'child_workflow child');
    const childRoot = await spanOf(rows[0]?.id ?? '', 'run ');
    expect(root).toMatchObject({ ...CALLER, spanId: root.spanId, parentSpanId: CALLER.spanId });
    expect(step).toMatchObject({
      traceId: CALLER.traceId,
      parentSpanId: root.spanId,
      attributes: { 'stepbase.outcome': 'waiting', 'stepbase.wait_kind': 'child' },
    });
    expect(childRoot).toMatchObject({
      traceId: CALLER.traceId,
      parentSpanId: step.spanId,
      status: { code: 2 },
      attributes: { 'stepbase.run_status': 'failed' },
    });
    // IS_REMOTE: only the parent of the first span is of another system.
    expect([root, step, childRoot].map(({ flags }) => flags & 0x200)).toEqual([0x200, 0, 0]);
  });

  test('the HTTP API passes the header traceparent on', async () => {
    const workflow = await b.publish([value('done')]);
    const start = async (path: string, body: object, header: string) => {
      const response = await fetch(
        `${stack.info.api_url}/functions/v1/stepbase-api/v1/workflows/${workflow}/${path}`,
        {
          method: 'POST',
          headers: {
            apikey: stack.info.secret_key,
            'x-stepbase-app': 'acme',
            'content-type': 'application/json',
            traceparent: header,
          },
          body: JSON.stringify(body),
        },
      );
      const answer = (await response.json()) as Record<string, unknown>;
      expect([response.status, answer]).toEqual([path === 'runs' ? 201 : 200, expect.anything()]);
      return answer;
    };
    const one = await start('runs', {}, traceparentOf(CALLER));
    expect(one).toMatchObject({
      trace_id: CALLER.traceId,
      metadata: { traceparent: traceparentOf(CALLER) },
    });
    const invalid = await start('runs', {}, 'not a traceparent');
    expect(invalid).toMatchObject({ metadata: {} });
    const own = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
    const many = await start(
      'runs/batch',
      { items: [{}, { metadata: { traceparent: traceparentOf(own) } }] },
      traceparentOf(CALLER),
    );
    const ids = (many.items as { run_id: string }[]).map(({ run_id }) => run_id);
    const { rows } = await b.db.query<{ trace_id: string }>(
      'select trace_id from stepbase.runs where id = any($1) order by array_position($1, id)',
      [ids],
    );
    expect(rows.map(({ trace_id }) => trace_id)).toEqual([CALLER.traceId, own.traceId]);
  });

  test('a caller that does not sample its trace gets no spans, and an invalid header starts a trace', async () => {
    const workflow = await b.publish([
      node('call', 'webhook', { url: `${url}/quiet`, payload: {} }),
    ]);
    const quiet = await b.start(
      workflow,
      {},
      { metadata: { traceparent: traceparentOf(CALLER, '00') } },
    );
    await b.ended(quiet.id);
    const other = await b.start(
      workflow,
      {},
      { metadata: { traceparent: `00-${'0'.repeat(32)}-1-01` } },
    );
    await b.ended(other.id);
    expect(other.trace_id).toMatch(/^(?!0{32})[0-9a-f]{32}$/);

    await spanOf(other.id, 'run ');
    await spanOf(other.id, 'webhook call');
    const seen = collector.spans.all.filter(
      ({ attributes }) => attributes['stepbase.run_id'] === quiet.id,
    );
    expect(seen).toEqual([]);
    const sent = calls.all.find(
      ({ path, headers }) => path === '/quiet' && headers.traceparent?.includes(CALLER.traceId),
    );
    expect(sent?.headers.traceparent).toMatch(new RegExp(`^00-${CALLER.traceId}-[0-9a-f]{16}-00$`));
  });

  test('a run that is cancelled outside of a worker has its span', async () => {
    const workflow = await b.publish([node('wait', 'wait_for_signal', { signal_name: 'go' })]);
    const run = await b.start(workflow);
    await b.stepIs(run.id, 'wait', 'waiting');
    const { error } = await b.developer.rpc('cancel_run', { run_id: run.id });
    expect(error).toBeNull();
    const root = await spanOf(run.id, 'run ');
    expect(root).toMatchObject({ status: {}, attributes: { 'stepbase.run_status': 'cancelled' } });
  });

  test('no span contains inputs, outputs, messages of errors or secrets', async () => {
    const text = 'never-in-a-span';
    const { run } = await b.run(
      [
        value('bad', `$error("${text} " & input.text)`, { on_error: 'continue' }),
        node('call', 'http_request', {
          url: `${url}/secret?token=${text}`,
          headers: { authorization: `Bearer ${text}` },
        }),
      ],
      [],
      { text },
    );
    await spanOf(run.id, 'run ');
    expect(collector.bodies.filter((body) => body.includes(text))).toEqual([]);
  });
});

test('an execution after a crash is a span of its own', async () => {
  const workflow = await b.publish([node('call', 'http_request', { url: `${url}/hold` })]);
  const run = await b.start(workflow);
  const first = await calls.next('the first call', ({ path }) => path === '/hold');
  const victim = stack.functions?.worker.pid;
  if (victim === undefined) throw new Error('no worker runs');
  process.kill(victim, 'SIGKILL');
  const second = await calls.next(
    'the second call',
    (call) => call.path === '/hold' && call !== first,
    30_000,
  );
  second.response.writeHead(200).end('{}');
  await b.ended(run.id);

  const span = await spanOf(run.id, 'http_request call');
  const root = await spanOf(run.id, 'run ');
  expect(span.parentSpanId).toBe(root.spanId);
  expect(second.headers.traceparent).toBe(traceparentOf(span));
  expect(first.headers.traceparent).not.toBe(second.headers.traceparent);
  expect(first.headers.traceparent?.slice(0, 36)).toBe(second.headers.traceparent?.slice(0, 36));
});
