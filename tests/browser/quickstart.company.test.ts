// The section "Your own organization" of the quickstart works as written: its script, and the colleague's way from the
// mail to the approval.

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { mailTo } from '../support/mail.ts';
import { stackInfo } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { blocks, read } from '../tooling/docs-pages.ts';
import { openPage } from './support.ts';

const mark = `workshop-${randomUUID().slice(0, 8)}`;
/** With the addresses of the test's stack, and with names that no other run of the test has used. */
const script = (blocks(read('docs/quickstart.md'), 'js')[0] ?? '')
  .replaceAll('http://127.0.0.1:54321', stackInfo().api_url)
  .replaceAll('sb_publishable_…', stackInfo().publishable_key)
  .replaceAll('workshop', mark);

test('the colleague follows the mail, creates an account, accepts and approves', async () => {
  const colleague = `colleague@${mark}.example`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: new URL('../../', import.meta.url),
    timeout: scaled(30_000),
  });
  await mailTo(colleague, /^Invitation to Workshop$/);

  const mails = await openPage('light', `${stackInfo().mail_url}?to=${colleague}`);
  await mails.getByRole('link', { name: /Invitation to Workshop/ }).click();
  const opened = mails.context().waitForEvent('page');
  await mails
    .locator('pre')
    .getByRole('link', { name: /\/invitation\?/ })
    .click();
  const page = await opened;
  await page.getByRole('button', { name: 'I have no account yet' }).click();
  await page.getByLabel('E-mail').fill(colleague);
  await page.getByLabel('Password', { exact: true }).fill('right-password');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByRole('button', { name: 'Accept' }).click();
  await page.getByRole('link', { name: /purchase/i }).click();
  await page.getByText('Buy A lathe?').waitFor();
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.getByText('completed', { exact: true }).first().waitFor();
  expect(await page.getByLabel('Application').inputValue()).toBe(mark);
});
