// Step outputs that jsonb cannot store: the worker replaces the characters. If that is not possible, only
// the step with this output fails.

import { beforeAll, describe, expect, test } from 'vitest';
import { node, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

const code = (id: string, source: string) => node(id, 'inline_code', { code: source });

describe('text that jsonb refuses', () => {
  test('half of a surrogate pair is stored as the replacement character, and the next step reads it so', async () => {
    const { run } = await b.run(
      [
        code('half', '({ input }) => ({ [input.text.slice(0, 1)]: [input.text.slice(1)] })'),
        value('same', 'steps.half.output'),
        value('later', 'steps.same.output'),
      ],
      ['half > same', 'same > later'],
      { text: '\u{1F600}' },
    );
    expect(run.output).toEqual({ later: { '\uFFFD': ['\uFFFD'] } });
  });

  test('NUL becomes the replacement character; the six-character JSON escape of NUL is not changed', async () => {
    const { run } = await b.run([
      code(
        'nul',
        String.raw`() => ["a" + String.fromCharCode(0), "\\u0000", "\\ud83d", "\\\\u0000"]`,
      ),
    ]);
    expect(run.output).toEqual({ nul: ['a\uFFFD', '\\u0000', '\\ud83d', '\\\\u0000'] });
  });

  test('printed output is cut between characters', async () => {
    const { run } = await b.run([
      code('print', '() => { console.log("x".repeat(999) + "\u{1F600}"); return 1; }'),
    ]);
    expect(run.status).toBe('completed');
    const { rows } = await b.db.query<{ logs: string[] }>(
      `select payload -> 'details' -> 'logs' as logs, payload from stepbase.run_events
       where run_id = $1 and event_type = 'step.completed'`,
      [run.id],
    );
    expect(JSON.stringify(rows)).toContain(`"${'x'.repeat(999)}"`);
  });
});

test('a date that does not exist or is not ISO 8601 is an invalid config', async () => {
  for (const until of ['+012000-01-01T00:00:00Z', '2031-06-31', '3.5', '06/01/2031']) {
    const { run, step } = await b.run([node('wait', 'delay', { until })]);
    expect(run.status).toBe('failed');
    expect(step('wait').error).toMatchObject({ code: 'invalid_config' });
  }
});

// Longer than the largest index entry, so the database rejects it.
const refused = () =>
  node('wait', 'wait_for_signal', { signal_name: '{{ $join([1..1000].$string($random())) }}' });

test('an output that the database rejects fails its step and no other step of the same batch', async () => {
  const [poisoned, fine] = await Promise.all([
    b.publish([refused()]),
    b.publish([node('wait', 'wait_for_signal', { signal_name: 'go' })]),
  ]);
  const isPoisoned = (i: number) => i % 10 === 3;
  const runs = await Promise.all(
    Array.from({ length: 30 }, (_, i) => b.start(isPoisoned(i) ? poisoned : fine)),
  );
  for (const [i, { id }] of runs.entries()) {
    if (isPoisoned(i)) {
      const { run, step } = await b.ended(id);
      expect(run.status).toBe('failed');
      expect(step('wait').error).toMatchObject({ code: 'invalid_output', retryable: false });
    } else {
      await b.stepIs(id, 'wait', 'waiting');
      await b.developer.rpc('send_signal', { run_id: id, signal_name: 'go', payload: 'came' });
      const { run } = await b.ended(id);
      expect(run.output).toEqual({ wait: 'came' });
    }
  }
});

test('a step whose output is rejected takes its error edge', async () => {
  const { run, statuses } = await b.run(
    [refused(), value('mend', '"mended"')],
    ['wait > mend : error'],
  );
  expect(statuses).toEqual({ wait: 'failed', mend: 'completed' });
  expect(run.output).toEqual({ mend: 'mended' });
});

test('an output too large for the memory of the run is read by the step that follows immediately', async () => {
  const { run } = await b.run(
    [code('large', '() => "x".repeat(100000)'), value('size', '$length(steps.large.output)')],
    ['large > size'],
  );
  expect(run.output).toEqual({ size: 100_000 });
});
