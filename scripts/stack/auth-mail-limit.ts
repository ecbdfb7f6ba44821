// How often one user gets a mail of Auth: `auth.email.max_frequency` of supabase/config.toml, as Supabase Auth checks it
// before it sends a confirmation, a sign-in link, a reset of the password or a change of the address.

import { decodeJwt } from 'jose';
import type pg from 'pg';
import { authError } from './auth-errors.ts';

type Sent = 'confirmation' | 'recovery' | 'email_change';

export class MailLimit {
  readonly #pool: pg.Pool;
  readonly #seconds: number;

  constructor(pool: pg.Pool, seconds: number) {
    this.#pool = pool;
    this.#seconds = seconds;
  }

  /** The refusal of a request that would send a mail too early. */
  async refusal(
    request: Request,
    path: string,
    body: Record<string, unknown>,
  ): Promise<Response | undefined> {
    if (this.#seconds === 0) return undefined;
    const { email, type } = body;
    const isFor = (...paths: string[]) =>
      request.method === 'POST' && paths.includes(path) && typeof email === 'string';
    if (isFor('/auth/v1/signup')) return await this.#ofEmail(email, ['confirmation'], true);
    if (isFor('/auth/v1/recover')) return await this.#ofEmail(email, ['recovery']);
    if (isFor('/auth/v1/otp', '/auth/v1/magiclink')) {
      return await this.#ofEmail(email, ['confirmation', 'recovery']);
    }
    if (isFor('/auth/v1/resend')) {
      const isChange = type === 'email_change';
      return await this.#ofEmail(email, [isChange ? 'email_change' : 'confirmation'], !isChange);
    }
    if (request.method === 'PUT' && path === '/auth/v1/user' && typeof email === 'string') {
      const token = request.headers.get('authorization')?.replace(/^Bearer /i, '') ?? '';
      return await this.#find(
        'u.id = $1::uuid and u.email <> lower($2)',
        ['email_change'],
        [subjectOf(token), email],
      );
    }
    return undefined;
  }

  #ofEmail(email: unknown, sent: Sent[], unconfirmed = false): Promise<Response | undefined> {
    const where = `u.email = lower($1) ${unconfirmed ? 'and u.email_confirmed_at is null' : ''}`;
    return this.#find(where, sent, [email]);
  }

  async #find(where: string, sent: Sent[], values: unknown[]): Promise<Response | undefined> {
    // A confirmed address gets no confirmation, so its earlier one does not count.
    const times = sent.map((kind) =>
      kind === 'confirmation' && sent.length > 1
        ? 'case when u.email_confirmed_at is null then u.confirmation_sent_at end'
        : `u.${kind}_sent_at`,
    );
    const { rows } = await this.#pool.query<{ left: number | null }>(
      `select ceil(extract(epoch from
         greatest(${times.join(', ')}) + make_interval(secs => $${values.length + 1}::float8) - now()
       ))::int as left
       from auth.users u where ${where}`,
      [...values, this.#seconds],
    );
    const left = rows[0]?.left ?? 0;
    if (left <= 0) return undefined;
    return authError(
      429,
      'over_email_send_rate_limit',
      `For security purposes, you can only request this after ${left} seconds.`,
    );
  }
}

/** The gateway has verified the token, or Auth refuses it. */
function subjectOf(token: string): string | null {
  try {
    return decodeJwt(token).sub ?? null;
  } catch {
    return null;
  }
}
