// The mail of an invitation: who invites to which application, and the link that accepts or declines.

import { z } from 'zod';

const invitation = z.object({
  token: z.string(),
  application: z.string(),
  role: z.string(),
  /** Null: an operator has invited. */
  inviter: z.string().nullish(),
  expires_at: z.string(),
});

export interface MailText {
  subject: string;
  text: string;
  html: string;
}

const MAX_NAME = 80;

/** Members choose the names: they must not break the header or make up a line of the text. */
const name = (value: string): string => value.replace(/\s+/g, ' ').trim().slice(0, MAX_NAME);

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escaped = (text: string): string => text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? '');

export function invitationMail(data: unknown, webUrl: string): MailText {
  const { token, expires_at, ...given } = invitation.parse(data);
  const application = name(given.application);
  const inviter = name(given.inviter ?? '') || 'An operator';
  const link = `${webUrl}/invitation?token=${encodeURIComponent(token)}`;
  const until = `${new Date(expires_at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const what = `${inviter} invites you to the application "${application}" as ${name(given.role)}.`;
  const limits = `The link works once, until ${until}. If you do not expect this invitation, ignore this mail.`;
  return {
    subject: `Invitation to ${application}`,
    text: `${what}\n\nAccept or decline:\n${link}\n\n${limits}\n`,
    html: `<p>${escaped(what)}</p>
<p><a href="${escaped(link)}">Accept or decline the invitation</a></p>
<p>${escaped(limits)}</p>
`,
  };
}
