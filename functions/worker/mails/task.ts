// The mail about a task: what is asked, and for an approval a link for each decision. The token is in the fragment of the
// link, which browsers send to no server.

import { z } from 'zod';
import { escaped, type MailText, name, utc } from './text.ts';

const task = z.object({
  kind: z.enum(['created', 'reminder', 'escalated', 'delegated']),
  /** Of the person who delegated. */
  note: z.string().optional(),
  application: z.string(),
  app_code: z.string(),
  title: z.string(),
  description: z.string().optional(),
  run_id: z.string(),
  /** The tokens of an approval. */
  links: z.object({ approve: z.string(), reject: z.string() }).partial(),
  expires_at: z.string().optional(),
  deadline_at: z.string().optional(),
});

const MAX_TITLE = 150;

const REASONS = {
  created: 'A workflow waits for you.',
  reminder: 'A workflow still waits for you.',
  escalated: 'A task was not completed in time, and is now for you.',
  delegated: 'A task was delegated to you.',
};
const PREFIXES = { created: '', reminder: 'Reminder: ', escalated: 'Escalated: ', delegated: '' };

export function taskMail(data: unknown, webUrl: string): MailText {
  const given = task.parse(data);
  const { kind, note, description, links, expires_at, deadline_at } = given;
  const title = name(given.title, MAX_TITLE);
  const facts = [
    `${REASONS[kind]} Application: ${name(given.application)}.`,
    title,
    ...(description ? [description] : []),
    ...(note ? [`Note: ${note}`] : []),
    ...(deadline_at ? [`Deadline: ${utc(deadline_at)}.`] : []),
  ];
  const decisions = [
    ['Approve', links.approve],
    ['Reject', links.reject],
  ].flatMap(([label, token]) =>
    token ? [[label, `${webUrl}/#/decisions/${encodeURIComponent(token)}`] as const] : [],
  );
  const shown = [
    ...decisions,
    ['Open the run', `${webUrl}/#/${given.app_code}/runs/${given.run_id}`] as const,
  ];
  const limits = expires_at
    ? [
        `Each link opens a page that asks you to confirm. The links are for you: do not forward this mail. They work once, until ${utc(expires_at)}, and end with a later mail.`,
      ]
    : [];
  const lines = shown.map(([label, link]) => `${label}:\n${link}`);
  const anchors = shown.map(
    ([label, link]) => `<p><a href="${escaped(link)}">${escaped(label ?? '')}</a></p>`,
  );
  return {
    subject: `${PREFIXES[kind]}${title}`,
    text: `${[...facts, ...lines, ...limits].join('\n\n')}\n`,
    html: `${[
      ...facts.map((fact) => `<p>${escaped(fact).replaceAll('\n', '<br>')}</p>`),
      ...anchors,
      ...limits.map((limit) => `<p>${escaped(limit)}</p>`),
    ].join('\n')}\n`,
  };
}
