// The mail server that the environment names, for Auth and for the functions.

export interface MailServer {
  /** smtp:// or smtps://. */
  url: string;
  from: string;
}

/** The sender of the stack's mails, unless SMTP_FROM names another one. */
export const DEFAULT_SENDER = 'Stepbase <stepbase@localhost>';

/** Undefined if SMTP_URL is not set. */
export function mailServer(env: {
  SMTP_URL?: string | undefined;
  SMTP_FROM?: string | undefined;
}): MailServer | undefined {
  return env.SMTP_URL ? { url: env.SMTP_URL, from: env.SMTP_FROM || DEFAULT_SENDER } : undefined;
}
