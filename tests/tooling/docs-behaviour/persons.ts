// The examples of tasks, approvals and mails.

import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { Json } from '../../../types/database.ts';
import { codeOf, type StepRun, type TestApp } from '../../engine/support.ts';
import { seedUser, signedIn, waitFor } from '../../support/stack.ts';
import { b, fakes, published, ran, stack, started, type Topic } from './support.ts';

export const persons: Topic = {
  async 'guides/send-mail: mail'() {
    const { run } = await ran('guides/send-mail: mail', {
      email: 'ada@customer.example',
      order_id: 'A-1',
    });
    expect(run.output).toEqual({ mail: { message_id: expect.any(String) } });
    const mail = await fakes.mailbox.mails.waitFor(({ recipients }) =>
      recipients.includes('team@example.com'),
    );
    expect(mail.recipients.sort()).toEqual(['ada@customer.example', 'team@example.com']);
    expect(mail.message.subject).toBe('Your order A-1');
  },

  async 'guides/approvals-and-tasks: ask'() {
    const name = await published('guides/approvals-and-tasks: ask');
    await b.db.query(
      'update stepbase.workflows set execution_timeout_seconds = 604800 where kebab_name = $1',
      [name],
    );
    const asks = async () => {
      const { id } = await b.start(name, { amount: 100 });
      return await b.stepIs(id, 'ask', 'waiting');
    };
    const [yes, no, late] = [await asks(), await asks(), await asks()];
    const decide = (client: TestApp['admin'], id: string, approved: boolean) =>
      client.rpc('decide_approval', { step_run_id: id, approved, comment: 'so be it' });
    expect(codeOf(await decide(b.developer, yes.id, true))).toBe('SB403 permission_denied');
    await decide(b.admin, yes.id, true);
    await decide(b.admin, no.id, false);
    expect(codeOf(await decide(b.admin, no.id, true))).toBe('SB409 conflict');
    await b.advance('25 hours');
    const [paid, refused, passed] = await Promise.all(
      [yes, no, late].map(({ run_id }) => b.ended(run_id)),
    );
    expect(paid?.run.output).toEqual({ pay: 'paid' });
    expect(paid?.step('ask')).toMatchObject({
      handle: 'approved',
      output: { approved: true, comment: 'so be it', decided_by: seedUser('admin@acme').id },
    });
    expect(refused?.run.output).toEqual({ refuse: 'refused' });
    expect(passed?.run.output).toEqual({ refuse: 'refused' });
    expect(passed?.step('ask')).toMatchObject({ handle: 'timeout', error: { code: 'timeout' } });
  },

  async 'guides/approvals-and-tasks: address'() {
    const id = await started('guides/approvals-and-tasks: address', {
      owner_id: seedUser('developer@acme').id,
    });
    const { id: step_run_id } = await b.stepIs(id, 'address', 'waiting');
    const completed = (output: Json) => b.developer.rpc('complete_task', { step_run_id, output });
    expect(codeOf(await completed({ city: 'Rome' }))).toBe('SB422 invalid_input');
    expect(codeOf(await completed({ street: 'Main Street 1' }))).toBe('none');
    expect((await b.ended(id)).run.output).toEqual({ address: { street: 'Main Street 1' } });
    const stranger = await ran('guides/approvals-and-tasks: address', { owner_id: randomUUID() });
    expect(stranger.run.error).toMatchObject({ code: 'unknown_assignee' });
  },

  async 'guides/approvals-of-several-persons: ask'() {
    const name = await published('guides/approvals-of-several-persons: ask');
    const second = seedUser('viewer@acme');
    const setRole = (role: string) =>
      b.db.query('update stepbase.app_members set role = $1 where user_id = $2', [role, second.id]);
    await setRole('admin');
    const colleague = await signedIn('viewer@acme', stack.info);
    const decide = async (task: StepRun, who: TestApp['admin'], approved = true) =>
      codeOf(await who.rpc('decide_approval', { step_run_id: task.id, approved }));
    const asks = async () => {
      const { id } = await b.start(name, { amount: 100 });
      return await b.stepIs(id, 'ask', 'waiting');
    };
    const [yes, no] = [await asks(), await asks()];
    expect(await decide(yes, b.developer)).toBe('SB403 permission_denied');
    expect(await decide(yes, b.admin)).toBe('none');
    expect(await decide(yes, b.admin)).toBe('SB409 conflict');
    expect(await decide(yes, colleague)).toBe('none');
    expect(await decide(no, colleague, false)).toBe('none');
    const [paid, refused] = await Promise.all([yes, no].map(({ run_id }) => b.ended(run_id)));
    expect(paid?.run.output).toEqual({ pay: 'paid' });
    expect(paid?.step('ask').output).toMatchObject({ approved: true, decisions: [{}, {}] });
    expect(refused?.run.output).toEqual({ refuse: 'refused' });
    await setRole('viewer');
  },

  async 'guides/approvals-by-mail: ask'() {
    const name = await published('guides/approvals-by-mail: ask');
    await b.db.query(
      'update stepbase.workflows set execution_timeout_seconds = 1000000 where kebab_name = $1',
      [name],
    );
    const { id } = await b.start(name, { amount: 100 });
    const task = await b.stepIs(id, 'ask', 'waiting');
    const happened = (type: string) =>
      waitFor(type, async () => {
        const { data } = await b.admin.from('run_events').select('event_type').eq('run_id', id);
        return data?.some(({ event_type }) => event_type === type);
      });
    await b.advance('25 hours');
    await happened('task.reminded');
    await b.advance('24 hours');
    await happened('task.escalated');
    expect(await b.stepIs(id, 'ask', 'waiting')).toMatchObject({ assigned_roles: ['admin'] });
    const decide = { step_run_id: task.id, approved: true };
    expect(codeOf(await b.developer.rpc('decide_approval', decide))).toBe(
      'SB403 permission_denied',
    );
    await b.admin.rpc('decide_approval', decide);
    expect((await b.ended(id)).run.status).toBe('completed');
  },
};
