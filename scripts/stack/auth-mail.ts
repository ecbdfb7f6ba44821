// The mails of Auth: their texts, their links, and the server that sends them.
// The Auth of @supabase/lite links to the site's address and ignores `redirect_to`. This module puts the address of the
// gateway and the wanted target into each link, as Supabase Auth does.

import { AsyncLocalStorage } from 'node:async_hooks';
import nodemailer, { type Transporter } from 'nodemailer';
import type { CodeChallenge, PkceFlows } from './auth-pkce.ts';
import type { MailServer } from './mail/settings.ts';

export type AuthMailKind = 'signup' | 'invite' | 'magiclink' | 'recovery' | 'email_change';

interface AuthMailOptions {
  server: MailServer | undefined;
  apiUrl: string;
  siteUrl: string;
  flows: Pick<PkceFlows, 'start'>;
}

/** Of the request that sends the mail. */
interface Wanted {
  redirectTo: string | null;
  challenge: CodeChallenge | undefined;
}

/** A mail as @supabase/lite hands it over. */
interface LiteMail {
  to: string;
  subject: string;
  text?: string | undefined;
  html?: string | undefined;
}

const TEXTS: Record<AuthMailKind, { subject: string; action: string }> = {
  signup: { subject: 'Confirm your sign-up', action: 'confirm your account' },
  invite: { subject: 'You have been invited', action: 'accept the invitation' },
  magiclink: { subject: 'Your sign-in link', action: 'sign in' },
  recovery: { subject: 'Reset your password', action: 'reset your password' },
  email_change: {
    subject: 'Confirm your new e-mail address',
    action: 'confirm your new e-mail address',
  },
};

export class AuthMail {
  readonly #options: AuthMailOptions;
  readonly #transport: Transporter | undefined;
  readonly #wanted = new AsyncLocalStorage<Wanted>();

  constructor(options: AuthMailOptions) {
    this.#options = options;
    this.#transport =
      options.server &&
      nodemailer.createTransport({
        url: options.server.url,
        name: 'stepbase',
        connectionTimeout: 10_000,
        greetingTimeout: 10_000,
        socketTimeout: 30_000,
      });
  }

  /** The mails that `work` sends link back to `redirectTo` (null: to the site), with a code if there is a challenge. */
  linking<T>(wanted: Wanted, work: () => Promise<T>): Promise<T> {
    return this.#wanted.run(wanted, work);
  }

  link(kind: AuthMailKind, token: string): string {
    const redirect = this.#wanted.getStore()?.redirectTo || this.#options.siteUrl;
    const query = new URLSearchParams({ token, type: kind, redirect_to: redirect });
    return `${this.#options.apiUrl}/auth/v1/verify?${query}`;
  }

  async send(kind: AuthMailKind, to: string, tokenHash: string, code: string): Promise<void> {
    const { subject, action } = TEXTS[kind];
    const challenge = this.#wanted.getStore()?.challenge;
    const token = challenge
      ? await this.#options.flows.start(kind, tokenHash, challenge)
      : tokenHash;
    const link = this.link(kind, token);
    await this.#deliver({
      to,
      subject,
      text: `Follow this link to ${action}:\n\n${link}\n\nOr enter this code: ${code}\n`,
      html: `<h1>${subject}</h1>
<p><a href="${link.replaceAll('&', '&amp;')}">Follow this link to ${action}.</a></p>
<p>Or enter this code: <strong>${code}</strong></p>
`,
    });
  }

  /** For @supabase/lite: its own text only carries the code and the link. */
  async sendOfLite(mail: LiteMail): Promise<void> {
    const text = mail.text ?? '';
    const code = /\b\d{6,10}\b/.exec(text)?.[0] ?? '';
    const address = /https?:\/\/\S+\/auth\/v1\/verify\?\S+/.exec(text)?.[0];
    const query = address === undefined ? undefined : new URL(address).searchParams;
    const kind = query?.get('type');
    if (query && kind && Object.hasOwn(TEXTS, kind)) {
      await this.send(kind as AuthMailKind, mail.to, query.get('token') ?? '', code);
    } else {
      await this.#deliver({ to: mail.to, subject: mail.subject, text });
    }
  }

  async #deliver(mail: LiteMail): Promise<void> {
    const { server } = this.#options;
    if (!server || !this.#transport) {
      throw new Error('no mail server is configured: set SMTP_URL and SMTP_FROM');
    }
    await this.#transport.sendMail({ from: server.from, ...mail });
  }

  stop(): void {
    this.#transport?.close();
  }
}
