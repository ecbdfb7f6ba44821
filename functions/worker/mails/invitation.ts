// The mail of an invitation: who invites to which application, and the link that accepts or declines.

import { z } from 'zod';
import { escaped, type MailText, name, utc } from './text.ts';

const invitation = z.object({
  token: z.string(),
  application: z.string(),
  role: z.string(),
  /** Null: an operator has invited. */
  inviter: z.string().nullish(),
  expires_at: z.string(),
});

export function invitationMail(data: unknown, webUrl: string): MailText {
  const { token, expires_at, ...given } = invitation.parse(data);
  const application = name(given.application);
  const inviter = name(given.inviter ?? '') || 'An operator';
  const link = `${webUrl}/invitation?token=${encodeURIComponent(token)}`;
  const what = `${inviter} invites you to the application "${application}" as ${name(given.role)}.`;
  const limits = `The link works once, until ${utc(expires_at)}. If you do not expect this invitation, ignore this mail.`;
  return {
    subject: `Invitation to ${application}`,
    text: `${what}\n\nAccept or decline:\n${link}\n\n${limits}\n`,
    html: `<p>${escaped(what)}</p>
<p><a href="${escaped(link)}">Accept or decline the invitation</a></p>
<p>${escaped(limits)}</p>
`,
  };
}
