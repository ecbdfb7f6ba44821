// Settings of traces, the sampling of a share, traceparent, and an exporter whose collector fails, hangs or is full.

import assert from 'node:assert/strict';
import { handClock, settled } from '../../_shared/clock/testing.ts';
import { parseEnv } from '../../_shared/env/env.ts';
import { isAtLeast, NONE, thresholdOf } from '../../_shared/tracing/settings.ts';
import { formatTraceparent, parseTraceparent } from '../../_shared/tracing/traceparent.ts';
import { Exporter } from './exporter.ts';
import type { Span } from './span.ts';
import { createTracer, traceparentFor } from './tracer.ts';

const LEAST = {
  DATABASE_URL: 'postgres://worker@127.0.0.1:1/none',
  SUPABASE_URL: 'http://127.0.0.1:1',
};
const TRACE = '019a0000000070008000000000000001';
const HEADER = `00-${TRACE}-00f067aa0ba902b7`;
const WORK = { run_id: 'r', step_id: 's', item_index: 0, attempt: 1, fence: 1 };

const span = (spanId: string): Span => ({
  traceId: TRACE,
  spanId,
  parentSpanId: undefined,
  hasRemoteParent: false,
  name: 'step',
  kind: 'internal',
  startedAt: 2,
  endedAt: 1,
  attributes: { 'a.text': 'x', 'a.count': 2, 'a.share': 0.5, 'a.flag': true, 'a.none': undefined },
  hasFailed: false,
});

const spans = (count: number) => Array.from({ length: count }, (_, n) => span(String(n)));

/** A collector that answers with these, one after the other; the last one stays. */
function setup(...answers: (Response | Error | 'never')[]) {
  const clock = handClock();
  const errors: string[] = [];
  const batches: { resourceSpans: { scopeSpans: { spans: unknown[] }[] }[] }[] = [];
  const exporter = new Exporter({
    settings: { url: 'http://collector/v1/traces', headers: {}, resource: {} },
    clock,
    onError: (message, error) => errors.push(`${message}: ${String(error)}`),
    post(_url, init) {
      batches.push(JSON.parse(init.body));
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer instanceof Response) return Promise.resolve(answer.clone());
      if (answer instanceof Error) return Promise.reject(answer);
      return new Promise((_, reject) => {
        init.signal.addEventListener('abort', () => reject(init.signal.reason));
      });
    },
  });
  const sizes = () => batches.map((batch) => batch.resourceSpans[0]?.scopeSpans[0]?.spans.length);
  return { exporter, clock, errors, batches, sizes };
}

Deno.test('without an address, or disabled, there are no traces', () => {
  assert.equal(parseEnv(LEAST).tracing, undefined);
  const off = { ...LEAST, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', OTEL_SDK_DISABLED: 'true' };
  assert.equal(parseEnv(off).tracing, undefined);
});

Deno.test('the standard variables are the settings', () => {
  const { tracing } = parseEnv({
    ...LEAST,
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/',
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20abc%3D, x-team = a ',
    OTEL_RESOURCE_ATTRIBUTES: 'service.name=other,host.name=h',
    OTEL_SERVICE_NAME: 'orders',
    OTEL_TRACES_SAMPLER: 'traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.5',
  });
  assert.deepEqual(tracing, {
    url: 'http://collector:4318/v1/traces',
    headers: { authorization: 'Basic abc=', 'x-team': 'a' },
    resource: { 'service.name': 'orders', 'host.name': 'h' },
    threshold: '80000000000000',
    followsParent: false,
  });
  const whole = { ...LEAST, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c/path' };
  assert.equal(parseEnv(whole).tracing?.url, 'http://c/path');
  assert.throws(
    () => parseEnv({ ...LEAST, OTEL_EXPORTER_OTLP_HEADERS: '=x' }),
    /OTEL_EXPORTER_OTLP_HEADERS: is not a list of name=value/,
  );
});

Deno.test('a share of the traces is sampled by the last 56 bits of their ids', () => {
  const ids = ['00000000000000', '7fffffffffffff', '80000000000000', 'ffffffffffffff'];
  const sampled = (share: number) =>
    ids.filter((id) => isAtLeast(TRACE.slice(0, 18) + id, thresholdOf(share)));
  assert.deepEqual(sampled(1), ids);
  assert.deepEqual(sampled(0.5), ids.slice(2));
  assert.deepEqual(sampled(0), []);
  assert.equal(thresholdOf(0), NONE);
});

Deno.test('only a valid traceparent is read', () => {
  const read = parseTraceparent(`${HEADER}-03`);
  assert.deepEqual(read, { traceId: TRACE, spanId: '00f067aa0ba902b7', isSampled: true });
  assert.equal(read && formatTraceparent(read), `${HEADER}-01`);
  assert.equal(parseTraceparent(`${HEADER}-00`)?.isSampled, false);
  const invalid = [
    undefined,
    '',
    HEADER,
    `${HEADER}-01-x`,
    `${HEADER.toUpperCase()}-01`,
    `01${HEADER.slice(2)}-01`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
  ];
  assert.deepEqual(invalid.filter(parseTraceparent), []);
});

Deno.test('a parentbased sampler follows the caller, the others decide themselves', () => {
  const isSampled = (threshold: string, followsParent: boolean, flags: string) =>
    createTracer({
      settings: { threshold, followsParent },
      exporter: { add: () => undefined },
      clock: handClock(),
    }).isSampled({ trace_id: TRACE, traceparent: `${HEADER}-${flags}` });
  assert.equal(isSampled(thresholdOf(1), true, '00'), false);
  assert.equal(isSampled(NONE, true, '01'), true);
  assert.equal(isSampled(NONE, false, '01'), false);
  assert.equal(isSampled(thresholdOf(1), false, '00'), true);
});

Deno.test('without a tracer a call carries the header of the caller, or none', () => {
  assert.equal(traceparentFor(WORK, { trace_id: TRACE }, undefined), undefined);
  const given = { trace_id: TRACE, traceparent: `${HEADER}-01` };
  assert.equal(traceparentFor(WORK, given, undefined), given.traceparent);
});

Deno.test('spans are sent in batches: full ones at once, others after five seconds', async () => {
  const s = setup(new Response('{}'));
  s.exporter.add(spans(511));
  await settled();
  assert.deepEqual(s.sizes(), []);
  s.exporter.add(spans(2));
  await settled();
  await s.clock.advance(5_000);
  assert.deepEqual(s.sizes(), [512, 1]);
  assert.deepEqual(s.exporter.stats, { spans_exported: 513, spans_dropped: 0 });
  const [one] = s.batches[0]?.resourceSpans[0]?.scopeSpans[0]?.spans ?? [];
  assert.deepEqual(one, {
    traceId: TRACE,
    spanId: '0',
    name: 'step',
    kind: 1,
    startTimeUnixNano: '2000000',
    // No span ends before it starts, although clocks may go back.
    endTimeUnixNano: '2000000',
    attributes: [
      { key: 'a.text', value: { stringValue: 'x' } },
      { key: 'a.count', value: { intValue: '2' } },
      { key: 'a.share', value: { doubleValue: 0.5 } },
      { key: 'a.flag', value: { boolValue: true } },
    ],
    status: {},
    flags: 0x101,
  });
});

Deno.test('a dead collector costs spans beyond the queue, few requests and one report a minute', async () => {
  const s = setup(new Error('connection refused'));
  s.exporter.add(spans(3_000));
  for (let n = 0; n < 10; n += 1) s.exporter.add(spans(1));
  await settled();
  await s.clock.advance(10_000);
  assert.equal(s.sizes().length, 3);
  assert.deepEqual(s.exporter.stats, { spans_exported: 0, spans_dropped: 3_010 - 2_048 });
  assert.deepEqual(s.errors, ['spans could not be exported: Error: connection refused']);
});

Deno.test('a batch is repeated after 503 and dropped after 400; rejected spans count as dropped', async () => {
  const partial = new Response('{"partialSuccess": {"rejectedSpans": "2"}}');
  const s = setup(
    new Response(null, { status: 503 }),
    new Response('{}'),
    new Response(null, { status: 400 }),
    partial,
  );
  s.exporter.add(spans(1));
  await s.clock.advance(5_000);
  assert.deepEqual(s.exporter.stats, { spans_exported: 0, spans_dropped: 0 });
  await s.clock.advance(5_000);
  assert.deepEqual(s.exporter.stats, { spans_exported: 1, spans_dropped: 0 });
  s.exporter.add(spans(4));
  await s.clock.advance(5_000);
  assert.deepEqual(s.exporter.stats, { spans_exported: 1, spans_dropped: 4 });
  s.exporter.add(spans(3));
  await s.clock.advance(5_000);
  assert.deepEqual(s.exporter.stats, { spans_exported: 2, spans_dropped: 6 });
});

Deno.test('a collector that does not answer delays neither the spans nor the stop', async () => {
  const s = setup('never');
  s.exporter.add(spans(600));
  await settled();
  let isFlushed = false;
  void s.exporter.flush(2_000).then(() => {
    isFlushed = true;
  });
  await s.clock.advance(1_999);
  assert.equal(isFlushed, false);
  await s.clock.advance(1);
  assert.equal(isFlushed, true);
  await s.clock.advance(8_000);
  assert.match(s.errors[0] ?? '', /no response within 10000 ms/);
});
