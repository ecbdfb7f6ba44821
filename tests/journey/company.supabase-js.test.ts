// A new company from its sign-up to the first run that its second member approves, with supabase-js and the mail
// catcher only: no SQL, no secret key, no operator.

import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Stack } from '../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import { type StackClient, waitFor } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { invitationFor, PRICE, purchase, type Supplier, signUp, startSupplier } from './support.ts';

const app = `workshop-${randomUUID().slice(0, 8)}`;
const address = (name: string) => `${name}@${app}.example`;

let stack: Stack;
let supplier: Supplier;
beforeAll(async () => {
  [stack, supplier] = await Promise.all([
    startThrowawayStack({ confirmEmail: true }),
    startSupplier(),
  ]);
}, scaled(180_000));
afterAll(async () => {
  await supplier?.stop();
  await stack?.stop();
}, scaled(60_000));

/** Calls an RPC that must succeed. */
async function call<T>(as: StackClient, name: string, args: Record<string, unknown> = {}) {
  const { data, error } = await as.rpc(name, args);
  expect(error, name).toBeNull();
  return data as T;
}

async function claims(as: StackClient): Promise<Record<string, unknown>> {
  const { data, error } = await as.auth.refreshSession();
  expect(error).toBeNull();
  return decodeJwt(data.session?.access_token ?? '');
}

test('a company signs up, sets itself up, and its second member approves the first run', async () => {
  const founder = await signUp(stack.info, address('founder'));
  expect(await claims(founder.as)).not.toHaveProperty('app_code');
  const setSecret = {
    name: 'supplier_key',
    value: supplier.secret,
    allowed_hosts: [supplier.host],
  };
  const early = await founder.as.rpc('set_secret', setSecret);
  expect(early.error).toMatchObject({
    code: 'SB403',
    message: expect.stringContaining('create one or accept an invitation, and refresh the session'),
    details: expect.stringContaining('"application_required"'),
  });

  const company = await call<{ id: string }>(founder.as, 'create_organization', {
    slug: app,
    name: 'Workshop Inc.',
  });
  await call(founder.as, 'create_application', {
    app_code: app,
    name: 'Workshop',
    organization_id: company.id,
  });
  expect(await claims(founder.as)).toMatchObject({ app_code: app, app_role: 'admin' });

  await call(founder.as, 'set_secret', setSecret);
  const draft = await call<{ id: string }>(founder.as, 'save_workflow', {
    kebab_name: 'purchase',
    definition: purchase(supplier, { role: 'developer' }),
    input_schema: {
      type: 'object',
      required: ['item'],
      properties: { item: { type: 'string' } },
    },
  });
  await call(founder.as, 'publish_workflow', { workflow_version_id: draft.id });

  await call(founder.as, 'invite_member', { email: address('colleague'), role: 'developer' });
  const token = await invitationFor(stack.info, address('colleague'));
  const colleague = await signUp(stack.info, address('colleague'));
  expect(await claims(colleague.as)).not.toHaveProperty('app_code');
  expect(await call(colleague.as, 'my_invitations')).toMatchObject([{ app_code: app }]);
  expect(await call(colleague.as, 'accept_invitation', { token })).toMatchObject({
    app_code: app,
    role: 'developer',
  });
  await call(colleague.as, 'switch_app', { app_code: app });
  expect(await claims(colleague.as)).toMatchObject({ app_code: app, app_role: 'developer' });

  const run = await call<{ id: string }>(founder.as, 'start_run', {
    workflow: 'purchase',
    input: { item: 'a lathe' },
  });
  const seen = await colleague.as.from('runs').select('id, created_by').single();
  expect(seen).toMatchObject({ error: null, data: { id: run.id, created_by: founder.id } });
  const task = await waitFor('the colleague sees the approval', async () => {
    const { data } = await colleague.as
      .from('runs')
      .select('status, error, step_runs(id, run_id, task, wait_kind)')
      .eq('step_runs.status', 'waiting')
      .single();
    expect(data?.error).toBeNull();
    return data?.step_runs.find(({ wait_kind }) => wait_kind === 'task');
  });
  expect(task).toMatchObject({ run_id: run.id, task: { title: `Buy a lathe for ${PRICE}?` } });
  await call(colleague.as, 'decide_approval', {
    step_run_id: task.id,
    approved: true,
    comment: 'fine',
  });

  const ended = await waitFor('the founder sees the end of the run', async () => {
    const { data } = await founder.as
      .from('runs')
      .select('status, output')
      .not('completed_at', 'is', null)
      .maybeSingle();
    return data ?? undefined;
  });
  expect(ended).toEqual({
    status: 'completed',
    output: { order: { item: 'a lathe', price: PRICE, approved_by: colleague.id } },
  });
});
