// A pending membership: the top bar shows it apart from the applications, and the person accepts or declines it.

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { client, pool, stackInfo, waitFor } from '../support/stack.ts';
import { openSignIn } from './support.ts';

test('a person accepts one membership and declines another', async () => {
  const db = pool();
  const mark = randomUUID().slice(0, 8);
  const apps = ['home', 'wanted', 'unwanted'].map((name) => `m-${name}-x${mark}`);
  const [home = '', wanted = '', unwanted = ''] = apps;
  const email = `pending-${mark}@members.example`;
  const password = randomUUID();
  const admin = client(stackInfo(), stackInfo().secret_key).auth.admin;
  const { data } = await admin.createUser({ email, password, email_confirm: true });
  const id = data.user?.id;
  await db.query(
    `with made as (insert into stepbase.organizations (slug, name) values ($1, $1) returning id)
     insert into stepbase.applications (app_code, organization_id, name)
     select a, made.id, a from made, unnest($2::text[]) a`,
    [`members-x${mark}`, apps],
  );
  await db.query(
    `insert into stepbase.app_members (app_code, user_id, role, accepted_at)
     values ($1, $4, 'viewer', now()), ($2, $4, 'viewer', null), ($3, $4, 'viewer', null)`,
    [home, wanted, unwanted, id],
  );
  const memberships = async () => {
    const { rows } = await db.query<{ app_code: string; accepted: boolean }>(
      `select app_code, accepted_at is not null as accepted from stepbase.app_members
       where user_id = $1 order by app_code`,
      [id],
    );
    return rows;
  };

  const page = await openSignIn();
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('navigation').getByRole('link', { name: 'Runs' }).waitFor();
  const choices = page.getByLabel('Application').locator('option:not(:last-child)');
  await page.getByText(`Pending: ${wanted} (viewer)`).waitFor();
  expect(await choices.allTextContents()).toEqual([home]);

  await page.getByRole('button', { name: `Decline ${unwanted}` }).click();
  await page.getByText(`Pending: ${unwanted}`).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: `Accept ${wanted}` }).click();
  await page.getByText(`Pending: ${wanted}`).waitFor({ state: 'detached' });
  await waitFor('the accepted application in the list', async () =>
    (await choices.allTextContents()).includes(wanted) ? true : undefined,
  );
  expect(await memberships()).toEqual([
    { app_code: home, accepted: true },
    { app_code: wanted, accepted: true },
  ]);
});
