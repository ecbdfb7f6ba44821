// A run of an installation becomes a fixture: a machine records it over the HTTP API, and the test kit replays it on the
// current code.

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { defineWorkflow, expr, shape } from '../../sdk/src/workflow/index.ts';
import { createTestKit, type Recording, recordRun } from '../../test-kit/src/index.ts';
import { testApp } from '../engine/support.ts';
import { atFileEnd } from '../support/file-end.ts';
import { waitFor } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { callers } from './support.ts';

const name = `claim-${randomUUID().slice(0, 8)}`;
const claim = (factor: number) =>
  defineWorkflow(name, { input: shape<{ amount: number }>() }, (w) => {
    const total = w.transform('total', { expression: expr<number>`${w.input.amount} * ${factor}` });
    const ask = w.waitForApproval('ask', { title: `Pay ${total.output}?` }, { after: total });
    const paid = w.waitForSignal('paid', { signal_name: 'paid' }, { after: ask.on('approved') });
    w.transform('receipt', { expression: expr<number>`${paid.output}.number` }, { after: paid });
  });

test('a recorded run of an installation is replayed on the current code', {
  timeout: scaled(120_000),
}, async () => {
  const b = await testApp();
  const { machine } = await callers(b);
  const { definition } = claim(2);
  const saved = await b.developer.rpc('save_workflow', { kebab_name: name, definition });
  expect(saved.error).toBeNull();
  const version = { workflow_version_id: String(saved.data?.id) };
  expect((await b.developer.rpc('publish_workflow', version)).error).toBeNull();

  const run = await machine.start(name, { amount: 21 });
  const task = await waitFor('the approval waits', async () => {
    const [found] = await machine.tasks.list({ runId: run.id }).toArray();
    return found;
  });
  await machine.tasks.decide(task.id, { approved: true, comment: 'fine' });
  await run.signal('paid', { number: 7 });
  expect(await run.result()).toEqual({ receipt: 7 });
  const recording: Recording = JSON.parse(JSON.stringify(await recordRun(machine.run(run.id))));

  const kit = await createTestKit();
  atFileEnd(() => kit.close());
  const same = await kit.replay(claim(2), recording);
  expect(same.differences).toEqual([]);
  expect(same.run.path()).toEqual(['total', 'ask', 'paid', 'receipt']);
  expect(same.run.result()).toEqual({ receipt: 7 });
  const changed = await kit.replay(claim(3), recording);
  expect(changed.differences).toEqual(['the output of total is 63 instead of 42']);
});
