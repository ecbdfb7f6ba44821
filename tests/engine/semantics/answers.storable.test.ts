// What steps answer with, and PostgreSQL's JSON cannot hold: it is made to fit.

import { beforeAll, describe, expect, test } from 'vitest';
import { type Bench, bench, node, value } from '../support.ts';

let b: Bench;
beforeAll(async () => {
  b = await bench();
});

const code = (id: string, source: string) => node(id, 'inline_code', { code: source });

describe('text that jsonb refuses', () => {
  test('half of a surrogate pair is stored, and read by the next step, as the replacement character', async () => {
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

  test('NUL becomes the replacement character, the six characters that JSON writes for it stay', async () => {
    const { run } = await b.run([
      code(
        'nul',
        String.raw`() => ["a" + String.fromCharCode(0), "\\u0000", "\\ud83d", "\\\\u0000"]`,
      ),
    ]);
    expect(run.output).toEqual({ nul: ['a\uFFFD', '\\u0000', '\\ud83d', '\\\\u0000'] });
  });

  test('what was printed is cut between characters', async () => {
    const { run } = await b.run([
      code('print', '() => { console.log("x".repeat(999) + "\u{1F600}"); return 1; }'),
    ]);
    expect(run.status).toBe('completed');
    const { rows } = await b.db.query<{ logs: string[] }>(
      `select payload -> 'details' -> 'logs' as logs, payload from public.run_events
       where run_id = $1 and event_type = 'step.completed'`,
      [run.id],
    );
    expect(JSON.stringify(rows)).toContain(`"${'x'.repeat(999)}"`);
  });
});

test('a date that PostgreSQL has not is an invalid config', async () => {
  for (const until of ['+012000-01-01T00:00:00Z', '-000001-01-01T00:00:00Z']) {
    const { run, step } = await b.run([node('wait', 'delay', { until })]);
    expect(run.status).toBe('failed');
    expect(step('wait').error).toMatchObject({ code: 'invalid_config' });
  }
});

test('what is too large to be remembered is read by the step that follows at once', async () => {
  const { run } = await b.run(
    [code('large', '() => "x".repeat(100000)'), value('size', '$length(steps.large.output)')],
    ['large > size'],
  );
  expect(run.output).toEqual({ size: 100_000 });
});
