// The step types that compute, branch or wait: transform, condition, tasks, delay, signal, event.

import assert from 'node:assert/strict';
import { compileStep, StepError, stepHandlers } from './index.ts';
import { failureOf, outputOf, runStep, testContext, testEnv } from './testing.ts';

const now = new Date('2026-11-20T12:00:00Z');
const ctx = testContext({
  env: testEnv({}, { now: () => now }),
  input: { n: 3, boss: 'boss@acme.example' },
  steps: { a: { output: { list: [1, 2] } } },
});

Deno.test('transform returns the value of its expression, or null without a value', async () => {
  assert.equal(
    await outputOf('transform', { expression: '$sum(steps.a.output.list) + input.n' }, ctx),
    6,
  );
  assert.equal(await outputOf('transform', { expression: 'input.missing' }, ctx), null);
});

Deno.test('transform reports the error of its expression', async () => {
  const failed = await failureOf('transform', { expression: '"a" + 1' }, ctx);
  assert.deepEqual([failed.code, failed.retryable], ['expression_failed', false]);
  const broken = await failureOf('transform', { expression: '1 +' }, ctx);
  assert.equal(broken.code, 'invalid_definition');
  assert.deepEqual((broken.details as { position: number; path: string }).path, 'expression');
});

Deno.test('condition chooses true, false or the handle that it names', async () => {
  const handleOf = async (expression: string): Promise<unknown> => {
    const result = await runStep('condition', { expression }, ctx);
    return result.kind === 'completed' ? result.handle : result.kind;
  };
  assert.equal(await handleOf('input.n > 2'), 'true');
  assert.equal(await handleOf('input.n > 5'), 'false');
  assert.equal(await handleOf('input.missing'), 'false');
  assert.equal(await handleOf('steps.a.output.list'), 'true');
  assert.equal(await handleOf('[]'), 'false');
  assert.equal(await handleOf('input.n > 2 ? "large" : "small"'), 'large');
});

Deno.test('the digits of a large number choose its handle, or true', async () => {
  const handlesOf = async (id: string): Promise<unknown[]> => {
    const of = testContext({ input: { id } });
    const result = await runStep('condition', { expression: 'input.id' }, of);
    return result.kind === 'completed' ? [result.handle, ...(result.otherHandles ?? [])] : [];
  };
  assert.deepEqual(await handlesOf('-36028797018963969'), ['-36028797018963969', 'true']);
  assert.deepEqual(await handlesOf('36028797018963970'), ['36028797018963970']);
});

Deno.test('wait_for_approval asks for a decision until its deadline', async () => {
  assert.deepEqual(
    await runStep(
      'wait_for_approval',
      {
        title: 'Approve {{ input.n }}?',
        assigned_to: '{{ input.boss }}',
        role: '{{ input.nobody }}',
        deadline_ms: 60_000,
      },
      ctx,
    ),
    {
      kind: 'waiting',
      reason: 'task',
      task: { title: 'Approve 3?', assigned_to: 'boss@acme.example', deadline_ms: 60_000 },
      timeoutMs: 60_000,
    },
  );
  assert.equal((await failureOf('wait_for_approval', {}, ctx)).code, 'invalid_config');
});

Deno.test('user_task passes its form on', async () => {
  const form = { fields: [{ name: 'reason', type: 'text' }] };
  assert.deepEqual(await runStep('user_task', { title: '{{ input.n }}', form }, ctx), {
    kind: 'waiting',
    reason: 'task',
    task: { title: '3', form },
  });
});

Deno.test('delay ends after a duration or at a date', async () => {
  assert.deepEqual(await runStep('delay', { ms: '{{ input.n * 1000 }}' }, ctx), {
    kind: 'waiting',
    reason: 'delay',
    timeoutMs: 3000,
  });
  assert.deepEqual(await runStep('delay', { until: '2027-01-01T00:00:00Z' }, ctx), {
    kind: 'waiting',
    reason: 'delay',
    wakeAt: new Date('2027-01-01T00:00:00Z'),
  });
  for (const config of [{}, { ms: 1, until: '2027-01-01' }, { ms: -1 }, { until: 'tomorrow' }]) {
    assert.equal((await failureOf('delay', config, ctx)).code, 'invalid_config');
  }
});

Deno.test('wait_for_signal names its signal', async () => {
  assert.deepEqual(await runStep('wait_for_signal', { signal_name: 'paid', timeout_ms: 5 }, ctx), {
    kind: 'waiting',
    reason: 'signal',
    signalName: 'paid',
    timeoutMs: 5,
  });
});

Deno.test('emit_event passes its event to the engine', async () => {
  const event = { name: 'order.paid', payload: { n: 3 } };
  assert.deepEqual(
    await runStep('emit_event', { name: 'order.paid', payload: { n: '{{ input.n }}' } }, ctx),
    {
      kind: 'completed',
      output: event,
      emit: [event],
    },
  );
});

Deno.test('the steps that a config reads are known before it runs', () => {
  const readsOf = (type: string, config: unknown) => {
    const handler = stepHandlers.get(type);
    assert.ok(handler);
    const { reads, usesContext, secrets } = compileStep(handler, config);
    return { reads, usesContext, secrets };
  };
  assert.deepEqual(
    readsOf('http_request', {
      url: '{{ steps.a.output.url }}',
      headers: { authorization: '{{ secrets.token }}' },
      body: { x: ['{{ steps.b.output }}', 'plain'] },
    }),
    { reads: ['a', 'b'], usesContext: false, secrets: ['token'] },
  );
  assert.deepEqual(readsOf('condition', { expression: 'steps.c.output > context.limit' }), {
    reads: ['c'],
    usesContext: true,
    secrets: [],
  });
  assert.deepEqual(readsOf('inline_code', { code: '({ steps }) => steps.d.output' }), {
    reads: ['d'],
    usesContext: false,
    secrets: [],
  });
});

Deno.test('secrets cannot be used where the result is stored', () => {
  const stored: [type: string, config: unknown][] = [
    ['transform', { expression: 'secrets.token' }],
    ['child_workflow', { workflow: 'other', input: { token: '{{ secrets.token }}' } }],
    ['user_task', { title: 'Use {{ secrets.token }}' }],
    ['wait_for_approval', { title: '{{ secrets.token }}' }],
    ['for_each', { items: ['{{ secrets.token }}'] }],
    ['work_queue_push', { queue: 'q', item: '{{ $."secrets".token }}' }],
    ['send_signal', { signal_name: 's', payload: '{{ secrets.token }}' }],
    ['emit_event', { name: 'e', payload: '{{ secrets.token }}' }],
    ['wait_for_signal', { signal_name: '{{ secrets.token }}' }],
    ['delay', { until: '{{ secrets.token }}' }],
  ];
  for (const [type, config] of stored) {
    const handler = stepHandlers.get(type);
    assert.ok(handler, type);
    assert.throws(
      () => compileStep(handler, config),
      (error: unknown) => error instanceof StepError && error.code === 'invalid_definition',
      type,
    );
  }
});

Deno.test('a missing secret fails the step, and the error names it', async () => {
  const error = await failureOf(
    'webhook',
    { url: 'http://127.0.0.1:1/', secret: '{{ secrets.gone }}' },
    ctx,
  );
  assert.equal(error.code, 'secret_not_found');
  assert.match(error.message, /gone/);
});

Deno.test('an aborted attempt does not start', async () => {
  const error = await failureOf(
    'transform',
    { expression: '1' },
    { ...ctx, signal: AbortSignal.abort() },
  );
  assert.equal(error.code, 'cancelled');
});
