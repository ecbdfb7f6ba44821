// The limits of an agent: turns, cost, tool calls of a turn, and the length of the results that a model reads.

import assert from 'node:assert/strict';
import { bodyOf, calling, received, reset, say, step } from './testing.ts';
import { withToolOutputs } from './turns.ts';
import type { StoredTurn } from './types.ts';

Deno.test('turns and cost are limited; the error has the last turns', async () => {
  const price = { input: 1_000_000, output: 0 };
  const called = calling({ name: 'stock', input: { article: 'a' } });
  const turns = step({ max_turns: 1 });
  reset(called);
  await turns.attempt();
  turns.end(0, { output: 1 });
  const tooMany = await turns.failure();
  assert.deepEqual([tooMany.code, tooMany.retryable], ['agent_max_turns', false]);
  assert.deepEqual((tooMany.details as { last_turns: unknown }).last_turns, [
    { turn: 1, text: '', tools: [{ tool: 'stock', status: 'completed' }] },
  ]);

  const unknown = step({ max_cost: 5 });
  reset(called);
  await unknown.attempt();
  unknown.end(0, { output: 1 });
  assert.equal((await unknown.failure()).code, 'agent_unknown_cost');

  const costly = step({ max_cost: 3, price });
  for (const turn of [1, 2]) {
    reset(called);
    await costly.attempt();
    Object.assign(costly.turns.at(-1) ?? {}, { cost: turn });
    costly.end(0, { output: 1 });
  }
  reset(called);
  const tooDear = await costly.failure();
  assert.deepEqual([tooDear.code, received.length], ['agent_max_cost', 0]);
  assert.equal((tooDear.details as { cost: number }).cost, 3);
});

Deno.test('the results of tools are read one by one, and cut before the next one is read', async () => {
  const { attempt, turns, end } = step();
  reset(
    calling(
      { name: 'order', input: {} },
      { name: 'order', input: {} },
      { name: 'order', input: {} },
    ),
  );
  await attempt();
  end(0, { output: { $stepbase: 'storage', path: 'a' } });
  end(1, { output: { n: 1 } });
  end(2, { status: 'failed', error: { code: 'x', message: 'y' } });
  const stored = { load: () => Promise.resolve(turns), store: () => Promise.resolve() };
  let reads = 0;
  const { load } = withToolOutputs(stored, (outputs) => {
    assert.equal(outputs.size, 1);
    reads += 1;
    const loaded = [...outputs].map(([key, output]): [string, unknown] => [
      key,
      (output as { path?: string }).path === 'a' ? { text: '😀'.repeat(1_000_000) } : output,
    ]);
    return Promise.resolve(new Map(loaded));
  });
  const [long, short, failed] = (await load())[0]?.calls ?? [];
  assert.equal(reads, 2);
  const text = String(long?.output);
  assert.ok(text.length <= 100_000);
  assert.match(text, /^\{"text":"(?:😀)+\n\(cut: the result has 2000011 characters\)$/u);
  assert.deepEqual([short?.output, failed?.output], ['{"n":1}', null]);

  // What was cut is not cut again.
  Object.assign(turns[0]?.calls[0] ?? {}, { output: text });
  reset(say('Done.'));
  await attempt();
  const messages = bodyOf(0).messages as { role: string; content: string }[];
  assert.equal(messages.find(({ role }) => role === 'tool')?.content, text);
});

Deno.test('the model gets an error for each tool call after the 32nd; calls after the 128th are dropped', async () => {
  const { stored, attempt } = step();
  reset(
    calling(...Array<{ name: string; input: unknown }>(10_000).fill({ name: 'x', input: {} })),
    say('No.'),
  );
  await attempt();
  assert.equal(stored[0]?.calls.length, 128);
  assert.deepEqual(
    [31, 32].map((place) => stored[0]?.calls[place]?.error?.code),
    ['unknown_tool', 'too_many_calls'],
  );
});

Deno.test('of very many long results the last ones are left out, and not read', async () => {
  const called = { tool: 'order', input: {}, error: null, status: 'completed' as const };
  const calls = Array.from({ length: 32 }, (_, place) => ({
    ...called,
    id: `c${place}`,
    output: { $stepbase: 'storage', path: 'a' },
  }));
  const facts = {
    text: '',
    finish_reason: null,
    provider: 'p',
    model: 'm',
    usage: null,
    cost: null,
  };
  const turns = [1, 2, 3].map((turn): StoredTurn => ({ ...facts, turn, calls }));
  let reads = 0;
  const stored = { load: () => Promise.resolve(turns), store: () => Promise.resolve() };
  const { load } = withToolOutputs(stored, () => {
    reads += 1;
    return Promise.resolve(new Map([['output', 'x'.repeat(200_000)]]));
  });
  const texts = (await load()).flatMap((turn) => turn.calls.map(({ output }) => String(output)));
  assert.equal(reads, 80);
  assert.match(texts[79] ?? '', /^x+\n\(cut: /);
  assert.equal(texts[80], '(left out: the results of all tools are too long)');
});
