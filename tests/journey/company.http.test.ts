// A new company's backend over HTTP, with an API key: from the company's sign-up to the first run that its second member
// approves with a token of their own. Only the accounts are made with supabase-js.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, call } from '../api/support.ts';
import { stackInfo, waitFor } from '../support/stack.ts';
import {
  invitationFor,
  type Person,
  PRICE,
  purchase,
  type Supplier,
  signUp,
  startSupplier,
} from './support.ts';

const stack = stackInfo();
const app = `bakery-${randomUUID().slice(0, 8)}`;
const address = (name: string) => `${name}@${app}.example`;

let supplier: Supplier;
beforeAll(async () => {
  supplier = await startSupplier();
});
afterAll(() => supplier?.stop());

interface Row {
  id: string;
  [column: string]: unknown;
}
const items = (answer: Answer) => answer.body.items as Row[];

/** Sends a request that must succeed. `as`: an API key, or a person, whose present session is used. */
async function send(
  as: string | Person,
  path: string,
  options: Omit<NonNullable<Parameters<typeof call>[1]>, 'token'> = {},
): Promise<Answer> {
  const token = typeof as === 'string' ? as : await tokenOf(as);
  const answer = await call(`${stack.http_api_url}/v1/${path}`, { ...options, token });
  expect(answer.status, `${path}: ${JSON.stringify(answer.body)}`).toBeLessThan(300);
  return answer;
}

/** The body of a request that creates, which can be repeated safely. */
const creating = (body: Record<string, unknown>) => ({
  body,
  headers: { 'idempotency-key': randomUUID() },
});

async function tokenOf({ as }: Person): Promise<string> {
  const { data } = await as.auth.getSession();
  return data.session?.access_token ?? '';
}

async function refresh({ as }: Person): Promise<void> {
  expect((await as.auth.refreshSession()).error).toBeNull();
}

test('a company’s backend starts a run, and its second member approves it', async () => {
  const founder = await signUp(stack, address('founder'));
  const early = await call(`${stack.http_api_url}/v1/me`, { token: await tokenOf(founder) });
  expect(early).toMatchObject({
    status: 403,
    body: { code: 'permission_denied', rule: 'application_required' },
  });
  const company = await send(
    founder,
    'organizations',
    creating({ slug: app, name: 'Bakery Inc.' }),
  );
  await send(
    founder,
    'applications',
    creating({ app_code: app, name: 'Bakery', organization_id: company.body.id }),
  );
  await refresh(founder);
  expect((await send(founder, 'me')).body).toMatchObject({ app_code: app });
  await send(founder, 'secrets/supplier_key', {
    method: 'PUT',
    body: { value: supplier.secret, allowed_hosts: [supplier.host] },
  });

  const scopes = [
    ...['workflow:read', 'workflow:write', 'workflow:publish'],
    ...['run:read', 'run:execute', 'member:read'],
  ];
  const key = await send(founder, 'api-keys', creating({ name: 'backend', scopes }));
  const backend = String(key.body.key);
  await send(backend, 'workflows/purchase/draft', {
    body: { definition: purchase(supplier, { assigned_to: '{{ input.approver }}' }) },
  });
  await send(backend, 'workflows/purchase/publish', { body: {} });
  expect(items(await send(backend, 'workflows?status=published'))).toMatchObject([
    { kebab_name: 'purchase', status: 'published' },
  ]);

  await send(founder, 'invitations', creating({ email: address('colleague'), role: 'viewer' }));
  const token = await invitationFor(stack, address('colleague'));
  const colleague = await signUp(stack, address('colleague'));
  expect(items(await send(colleague, 'me/invitations'))).toMatchObject([{ app_code: app }]);
  await send(colleague, 'me/invitations/accept', { body: { token } });
  expect(items(await send(colleague, 'applications'))).toMatchObject([{ app_code: app }]);
  await send(colleague, `applications/${app}/switch`, { body: {} });
  await refresh(colleague);

  const [member] = items(await send(backend, 'members?role=viewer'));
  expect(member).toMatchObject({ user_id: colleague.id, email: colleague.email });
  const order = creating({ input: { item: 'an oven', approver: member?.user_id } });
  const started = await send(backend, 'workflows/purchase/runs', order);
  const repeated = await send(backend, 'workflows/purchase/runs', order);
  expect([started.status, repeated.status]).toEqual([201, 200]);
  const run_id = String(started.body.id);
  expect(repeated.body.id).toBe(run_id);
  const ended = send(backend, `runs/${run_id}`, {
    headers: { prefer: 'wait=50' },
    timeoutMs: 55_000,
  });

  const task = await waitFor('the colleague has a task', async () =>
    items(await send(colleague, 'tasks?mine=true')).at(0),
  );
  expect(task).toMatchObject({ run_id, task: { title: `Buy an oven for ${PRICE}?` } });
  expect(items(await send(backend, `tasks?run_id=${run_id}`))).toMatchObject([{ id: task.id }]);
  await send(colleague, `approvals/${task.id}`, { body: { approved: true, comment: 'fine' } });

  const { body, headers } = await ended;
  expect(headers.get('preference-applied')).toBe('wait=50');
  expect(body.run).toMatchObject({
    status: 'completed',
    output: { order: { item: 'an oven', price: PRICE, approved_by: colleague.id } },
  });
  const events = items(
    await send(backend, `runs/${run_id}/events?limit=200`, {
      headers: { accept: 'application/json' },
    }),
  );
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  expect(events.at(0)).toMatchObject({ event_type: 'run.created' });
  expect(events.at(-1)).toMatchObject({ event_type: 'run.completed' });
});
