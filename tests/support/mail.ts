// The mails that the stack has caught: waits for one to an address, over the catcher's JSON API.

import type { MailDetail, MailSummary } from '../../scripts/stack/mail/store.ts';
import { stackInfo, waitFor } from './stack.ts';

const api = (mailUrl: string | null, path: string): string => `${mailUrl}/api/messages${path}`;

/** The mails to an address, the newest first. */
export async function mailsTo(
  address: string,
  mailUrl = stackInfo().mail_url,
): Promise<MailSummary[]> {
  const response = await fetch(api(mailUrl, `?to=${encodeURIComponent(address)}`));
  return ((await response.json()) as { messages: MailSummary[] }).messages;
}

/** The newest mail to an address whose subject matches; waits for it. */
export async function mailTo(
  address: string,
  subject: RegExp,
  mailUrl = stackInfo().mail_url,
): Promise<MailDetail> {
  const found = await waitFor(`a mail to ${address} about ${subject}`, async () =>
    (await mailsTo(address, mailUrl)).find((mail) => subject.test(mail.subject)),
  );
  return (await (await fetch(api(mailUrl, `/${found.id}`))).json()) as MailDetail;
}

/** The first link of a mail that matches. */
export function linkIn(mail: MailDetail, pattern: RegExp): URL {
  const link = mail.links.find((address) => pattern.test(address));
  if (link === undefined) throw new Error(`no link like ${pattern} in: ${mail.links.join(' ')}`);
  return new URL(link);
}
