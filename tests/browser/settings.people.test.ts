// Persons and organizations in a browser: the creator of an application exports and erases a member, sees who works in
// which application, and moves the application to a new organization.

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { client, pool } from '../support/stack.ts';
import { openAppPage, openSignIn } from './support.ts';

const PASSWORD = 'right-password';

test('an admin exports and erases a person, and moves the application', async () => {
  const mark = randomUUID().slice(0, 8);
  const app = `move-${mark}`;
  const [owner, member] = [`owner-${mark}@people.example`, `member-${mark}@people.example`];
  const session = client();
  await session.auth.signUp({ email: owner, password: PASSWORD });
  const { data } = await client().auth.signUp({ email: member, password: PASSWORD });
  const memberId = data.user?.id ?? '';
  const made = await session.rpc('create_organization', { slug: `old-${mark}`, name: 'Old' });
  await session.rpc('create_application', {
    app_code: app,
    name: `Moving ${mark}`,
    organization_id: made.data?.id ?? '',
  });
  await pool().query(
    `insert into stepbase.app_members (app_code, user_id, role, accepted_at)
     values ($1, $2, 'viewer', now())`,
    [app, memberId],
  );
  await pool().query(
    "update auth.users set last_sign_in_at = now() - interval '3 days' where id = $1",
    [memberId],
  );

  const page = await openSignIn();
  await page.getByLabel('E-mail').fill(owner);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await openAppPage(page, '/settings/members');
  await page.getByRole('columnheader', { name: 'Last sign-in' }).waitFor();
  await page.getByRole('row', { name: member }).getByText('3 days ago').waitFor();
  await page.getByLabel('Person').selectOption({ label: member });
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: "Export the person's data" }).click();
  const lines = (await readFile(await (await download).path(), 'utf8')).trim().split('\n');
  const rows = lines.map((line) => JSON.parse(line) as { table?: string; row?: object });
  expect(rows[0]).toMatchObject({ user_id: memberId, profile: { email: member } });
  expect(rows.find(({ table }) => table === 'app_members')?.row).toMatchObject({
    app_code: app,
    user_id: memberId,
    role: 'viewer',
  });

  await openAppPage(page, '/settings/organization');
  const people = page.getByRole('region', { name: 'People of the organization' });
  await people.getByRole('row', { name: member }).getByText('viewer').waitFor();
  await page.getByLabel('Find a person, role or application').fill('admin');
  await people.getByRole('row', { name: member }).waitFor({ state: 'detached' });

  await openAppPage(page, '/settings/members');
  await page.getByLabel('Person').selectOption({ label: member });
  await page.getByRole('button', { name: 'Erase the person' }).click();
  const question = page.getByRole('dialog', { name: `Erase ${member}?` });
  await question.getByRole('textbox').fill(member);
  await question.getByRole('button', { name: 'Erase the person' }).click();
  await page.getByText(/The person is erased from \d+ rows/).waitFor();
  await page.getByRole('row', { name: member }).waitFor({ state: 'detached' });

  await openAppPage(page, '/settings/organization');
  await page.getByRole('button', { name: 'Move the application' }).click();
  const move = page.getByRole('dialog', { name: /to another organization/ });
  await move.getByLabel('Name of the organization').fill(`New ${mark}`);
  await move.getByRole('button', { name: 'Move the application' }).click();
  await page.getByText(`Moving ${mark} belongs to New ${mark}.`).waitFor();
  await page.locator(`main input[value="New ${mark}"]`).waitFor();
  const { data: applications } = await session.rpc('my_applications');
  expect(applications).toMatchObject([{ app_code: app, organization_name: `New ${mark}` }]);
});
