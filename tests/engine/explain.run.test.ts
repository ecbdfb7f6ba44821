// What a run waits for, from the RPC explain_run and from `npm run explain -- --run ID`, on a stack with a worker. The
// reasons themselves are in supabase/tests/rules/explain_run.test.sql.

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import type { RunExplanation } from '../../scripts/explain/run.ts';
import { signedIn } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { codeOf, failing, node, type TestApp, testApp, value } from './support.ts';

let b: TestApp;
beforeAll(async () => {
  b = await testApp();
});

async function explained(runId: string): Promise<RunExplanation> {
  const { data, error } = await b.developer.rpc('explain_run', { run_id: runId });
  if (error) throw new Error(`${error.code} ${error.message}`);
  return data as unknown as RunExplanation;
}

async function command(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['scripts/explain.ts', '--db-url', b.stack.db_url, ...args],
      { timeout: scaled(30_000) },
    );
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const failed = error as { code: number; stdout: string; stderr: string };
    return { code: failed.code, out: failed.stdout, err: failed.stderr };
  }
}

describe('a run that stands still', () => {
  test('is explained with its open steps, as JSON and as text', async () => {
    const workflow = await b.publish(
      [
        value('first'),
        node('ask', 'wait_for_approval', { title: 'Ship?', role: 'admin' }),
        node('later', 'delay', { ms: 3_600_000 }),
        value('end'),
      ],
      ['first > ask', 'first > later', 'ask > end : approved', 'later > end'],
    );
    const { id } = await b.start(workflow);
    await b.stepIs(id, 'ask', 'waiting');
    await b.stepIs(id, 'later', 'waiting');
    const { run, steps, open_steps: open } = await explained(id);
    expect(run).toMatchObject({ id, status: 'running', workflow, version: 1, code: 'task' });
    expect(open).toBe(2);
    expect(Object.fromEntries(steps.map(({ step, code }) => [step, code]))).toEqual({
      ask: 'task',
      later: 'delay',
    });
    const later = steps.find(({ step }) => step === 'later');
    expect(Date.parse(later?.until ?? '') - Date.parse(later?.since ?? '')).toBeGreaterThan(3e6);

    const text = await command('--run', id);
    expect(text.err).toBe('');
    expect(text.out).toContain(`${workflow}, version 1, run ${id}: running`);
    expect(text.out).toContain('Waits until a member with the role admin decides "Ship?".');
    expect(text.out).toContain('1 more step is open.');
    const json = await command('--run', id, '--json');
    expect(JSON.parse(json.out).run.code).toBe('task');
  });

  test('is a dead letter after it failed', async () => {
    const { run } = await b.run([failing('broken')]);
    const { run: reason, steps } = await explained(run.id);
    expect(steps).toEqual([]);
    expect(reason).toMatchObject({ code: 'failed', failed_step: 'broken' });
    expect(reason.sentence).toContain('It is a dead letter; redrive continues it.');
  });

  test('is unknown to other applications, and wrong ids are refused', async () => {
    const { id } = await b.start(await b.publish([value('a')]));
    const other = await signedIn('developer@globex');
    expect(codeOf(await other.rpc('explain_run', { run_id: id }))).toBe('SB404 not_found');
    const refusals = await Promise.all([
      command('--run', 'nonsense'),
      command('--run', randomUUID()),
      command('--run', id, 'some-workflow'),
    ]);
    expect(refusals.map(({ code }) => code)).toEqual([1, 1, 1]);
    expect(refusals.map(({ err }) => err.split('\n')[0])).toEqual([
      'explain: --run must be the id of a run, not nonsense',
      expect.stringMatching(/^explain: there is no run /),
      expect.stringMatching(/^explain: usage: /),
    ]);
  });
});
