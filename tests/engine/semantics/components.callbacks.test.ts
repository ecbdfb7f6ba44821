// Components with an endpoint of one's own code: an Edge Function verifies the signed call, answers at once or later, and the
// run continues once.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { denoProgram, denoVariables } from '../../../scripts/stack/functions.ts';
import type { Json } from '../../../types/database.ts';
import { waitFor } from '../../support/stack.ts';
import { node, type TestApp, testApp, value } from '../support.ts';

const FUNCTION = fileURLToPath(new URL('component-function.ts', import.meta.url));

let b: TestApp;
let component: { id: string; name: string };
let child: ChildProcess;
let url: string;

beforeAll(async () => {
  b = await testApp();
  const name = `own-${randomUUID()}`;
  // The address of the function is known when it runs, and it runs when it has the secret.
  const { data, error } = await b.developer
    .from('components')
    .insert({
      name,
      implementation_type: 'service_task',
      endpoint: 'http://127.0.0.1:1',
      output_schema: { type: 'object', required: ['order'] },
      notify_cancel: true,
    })
    .select('id')
    .single();
  if (error) throw new Error(error.message);
  component = { id: data.id, name };
  const rotated = await b.developer.rpc('rotate_component_secret', { component_id: data.id });
  const { secret } = rotated.data as { secret: string };
  child = spawn(
    denoProgram(),
    [
      'serve',
      '--host',
      '127.0.0.1',
      '--port',
      '0',
      '--no-prompt',
      '--allow-net',
      '--allow-env',
      FUNCTION,
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH ?? '',
        HOME: process.env.HOME ?? '',
        NO_COLOR: '1',
        DENO_NO_UPDATE_CHECK: '1',
        ...denoVariables(),
        STEPBASE_COMPONENT_SECRET: secret,
      },
    },
  );
  url = await listening(child);
  const changed = await b.developer.from('components').update({ endpoint: url }).eq('id', data.id);
  if (changed.error) throw new Error(changed.error.message);
});
afterAll(() => child?.kill('SIGKILL'));

function listening({ stdout, stderr }: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    for (const stream of [stdout, stderr]) {
      if (stream === null) continue;
      createInterface(stream).on('line', (line) => {
        const [found] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
        if (found) resolve(found);
      });
    }
  });
}

const order = () => randomUUID();

async function start(mode: string, id: string, retry?: Json) {
  return await b.start(
    await b.publish(
      [
        node(
          'call',
          'service_task',
          { component: component.name, input: { mode, order: id } },
          retry === undefined ? {} : { retry },
        ),
        value('after', 'steps.call.output.order'),
      ],
      ['call > after'],
    ),
  );
}

/** What the function's own requests were answered. */
async function answers(id: string, count: number): Promise<Record<string, unknown>[]> {
  return await waitFor(`${count} answers for ${id}`, async () => {
    const found = (await (await fetch(`${url}?order=${id}`)).json()) as Record<string, unknown>[];
    return found.length >= count ? found : undefined;
  });
}

describe('an Edge Function as a component', () => {
  test.each([['now'], ['before'], ['twice'], ['wrong']])('answers %s', async (mode) => {
    const id = order();
    const run = await start(mode, id);
    const { run: ended, all } = await b.ended(run.id);
    expect(ended).toMatchObject({ status: 'completed', output: { after: id } });
    expect(all.map((s) => [s.step_id, s.attempt, s.status])).toEqual([
      ['after', 1, 'completed'],
      ['call', 1, 'completed'],
    ]);
    const call = all.find((s) => s.step_id === 'call');
    expect(call?.input).toMatchObject({ component: component.name, input: { mode } });
    const expected: Record<string, unknown[]> = {
      now: [],
      before: [{ path: 'complete', status: 200 }],
      twice: [
        { path: 'complete', status: 200 },
        { path: 'complete', status: 200 },
        { path: 'fail', status: 409, code: 'conflict', reason: 'already_answered' },
      ],
      wrong: [
        { path: 'complete', status: 422, code: 'invalid_input' },
        { path: 'complete', status: 200 },
      ],
    };
    const wanted = expected[mode] ?? [];
    expect(await answers(id, wanted.length)).toEqual(wanted);
  });

  test('fails its step with a code of its own', async () => {
    const run = await start('fail', order(), { max_attempts: 2, delay_ms: 1 });
    const { run: ended, all } = await b.ended(run.id);
    expect(ended).toMatchObject({
      status: 'failed',
      error: { code: 'no_stock', message: 'Sold out' },
    });
    expect(all.map((s) => [s.attempt, s.status, (s.error as { code: string }).code])).toEqual([
      [1, 'failed', 'no_stock'],
      [2, 'failed', 'no_stock'],
    ]);
  });

  test('that never answers is called again after its time, and its late answer is refused', async () => {
    const id = order();
    const update = (callback_timeout_ms: number) =>
      b.db.query('update stepbase.components set callback_timeout_ms = $2 where id = $1', [
        component.id,
        callback_timeout_ms,
      ]);
    await update(1_000);
    const run = await start('second attempt', id, { max_attempts: 2, delay_ms: 1 });
    const { run: ended, all } = await b.ended(run.id);
    await update(86_400_000);
    expect(ended).toMatchObject({ status: 'completed', output: { after: id } });
    expect(all.map((s) => [s.step_id, s.attempt, s.status])).toEqual([
      ['after', 1, 'completed'],
      ['call', 1, 'failed'],
      ['call', 2, 'completed'],
    ]);
    expect(all[1]?.error).toMatchObject({ code: 'timeout', retryable: true });
    expect((await answers(id, 2))[0]).toEqual({
      path: 'complete',
      status: 409,
      code: 'conflict',
      reason: 'attempt_superseded',
    });
  });

  test('learns by its heartbeat and by a signed message that the run was cancelled', async () => {
    const id = order();
    const run = await start('until cancelled', id);
    await b.stepIs(run.id, 'call', 'waiting');
    await answers(id, 1);
    await b.developer.rpc('cancel_run', { run_id: run.id });
    expect((await b.ended(run.id)).run.status).toBe('cancelled');
    const told = await waitFor('the refusal', async () => {
      const found = await answers(id, 1);
      const has = (path: string) => found.some((answer) => answer.path === path);
      return has('complete') && has('step.cancelled') ? found : undefined;
    });
    expect(told.filter(({ path }) => path === 'step.cancelled')).toHaveLength(1);
    const own = told.filter(({ path }) => path !== 'step.cancelled');
    expect(own.at(-2)).toEqual({ path: 'heartbeat', status: 200, cancelled: true });
    expect(own.at(-1)).toEqual({
      path: 'complete',
      status: 409,
      code: 'conflict',
      reason: 'run_ended',
    });
  });
});
