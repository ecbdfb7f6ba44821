// What @supabase/lite lacks in the flows by mail: a repeated sign-up and /resend send the confirmation again, and
// /verify accepts the types `email` and `invite`. Routes and answers are those of Supabase Auth.

import { createHash, randomInt, randomUUID } from 'node:crypto';
import type pg from 'pg';
import { authJson } from './auth-errors.ts';
import type { AuthMail } from './auth-mail.ts';
import { withoutPrefix } from './auth-pkce.ts';
import { AuthUsers, type User } from './auth-users.ts';
import type { ProjectConfig } from './config-toml.ts';

type Body = Record<string, unknown>;

/** A one-time code and the hash of it that Auth stores, which is also the token of links. */
export function oneTimeCode(email: string): { code: string; hash: string } {
  const code = String(randomInt(0, 1_000_000)).padStart(6, '0');
  const hash = createHash('sha256').update(`${email.toLowerCase()}${code}`).digest('hex');
  return { code, hash };
}

export class AuthOtp {
  readonly #pool: pg.Pool;
  readonly #users: AuthUsers;
  readonly #mail: AuthMail;
  readonly #auth: ProjectConfig['auth'];

  constructor(pool: pg.Pool, mail: AuthMail, auth: ProjectConfig['auth']) {
    this.#pool = pool;
    this.#users = new AuthUsers(pool, auth.minimum_password_length);
    this.#mail = mail;
    this.#auth = auth;
  }

  /** The answer, or the request for @supabase/lite. */
  async handle(request: Request, url: URL): Promise<Response | Request> {
    if (request.method === 'GET' && url.pathname === '/auth/v1/verify') {
      return await this.#withKnownType(request, url);
    }
    if (request.method !== 'POST') return request;
    if (url.pathname === '/auth/v1/verify') return await this.#withKnownTypeInBody(request);
    if (url.pathname === '/auth/v1/signup') return (await this.#signUpAgain(request)) ?? request;
    if (url.pathname === '/auth/v1/resend') return (await this.#resend(request)) ?? request;
    return request;
  }

  /** Sends the user a new confirmation, or an invitation. */
  async confirm(user: User, kind: 'signup' | 'invite'): Promise<User> {
    const email = String(user.email);
    const { code, hash } = oneTimeCode(email);
    const changed = await this.#users.remember(String(user.id), 'confirmation', hash);
    await this.#mail.send(kind, email, hash, code);
    return changed;
  }

  /** A known address: the answer of a new one, so that it does not reveal whether the address has an account. */
  async #signUpAgain(request: Request): Promise<Response | undefined> {
    const { enable_signup, email: settings, minimum_password_length } = this.#auth;
    const body = await bodyOf(request);
    const { email, password } = body;
    const isChecked =
      settings.enable_confirmations &&
      enable_signup &&
      settings.enable_signup &&
      typeof email === 'string' &&
      typeof password === 'string' &&
      password.length >= minimum_password_length &&
      Buffer.byteLength(password) <= 72;
    const known = isChecked ? await this.#users.find(email) : undefined;
    if (!known) return undefined;
    if (!known.email_confirmed_at) return authJson(200, await this.confirm(known, 'signup'));
    const now = new Date().toISOString();
    return authJson(200, {
      id: randomUUID(),
      aud: 'authenticated',
      role: '',
      email: String(email).toLowerCase(),
      phone: '',
      confirmation_sent_at: now,
      app_metadata: { provider: 'email', providers: ['email'] },
      user_metadata: body.data ?? {},
      identities: [],
      created_at: now,
      updated_at: now,
      is_anonymous: false,
    });
  }

  async #resend(request: Request): Promise<Response | undefined> {
    const { type, email } = await bodyOf(request);
    if (type !== 'signup' || typeof email !== 'string') return undefined;
    const user = await this.#users.find(email);
    if (user && !user.email_confirmed_at) await this.confirm(user, 'signup');
    return authJson(200, {});
  }

  async #withKnownType(request: Request, url: URL): Promise<Request> {
    const type = url.searchParams.get('type');
    const given = url.searchParams.get('token') ?? url.searchParams.get('token_hash');
    const token = given === null ? null : withoutPrefix(given);
    const known = await this.#knownType(type, token ?? '');
    if (known === type && url.searchParams.get('token') === token) return request;
    const address = new URL(url);
    if (known !== null) address.searchParams.set('type', known);
    if (token !== null) address.searchParams.set('token', token);
    return new Request(address, { headers: request.headers });
  }

  async #withKnownTypeInBody(request: Request): Promise<Request> {
    const body = await bodyOf(request);
    const { type, email, token } = body;
    if (typeof type !== 'string') return request;
    const given = typeof body.token_hash === 'string' ? body.token_hash : undefined;
    const hash =
      given === undefined
        ? createHash('sha256')
            .update(`${String(email).toLowerCase()}${String(token)}`)
            .digest('hex')
        : withoutPrefix(given);
    const known = await this.#knownType(type, hash);
    if (known === type && (given === undefined || given === hash)) return request;
    const headers = new Headers(request.headers);
    headers.delete('content-length');
    return new Request(request.url, {
      method: 'POST',
      headers,
      body: JSON.stringify({
        ...body,
        type: known,
        ...(given === undefined ? {} : { token_hash: hash }),
      }),
    });
  }

  /** `email` is a confirmation or a sign-in, by what the token is for; an invitation confirms the address. */
  async #knownType(type: string | null, hash: string): Promise<string | null> {
    if (type === 'invite') return 'signup';
    if (type !== 'email') return type;
    const { rows } = await this.#pool.query<{ found: boolean }>(
      'select exists (select 1 from auth.users where confirmation_token = $1) as found',
      [hash],
    );
    return rows[0]?.found ? 'signup' : 'magiclink';
  }
}

/** The body, which stays unread for @supabase/lite; an empty object if it is not a JSON object. */
export async function bodyOf(request: Request): Promise<Body> {
  const body: unknown = await request
    .clone()
    .json()
    .catch(() => ({}));
  return typeof body === 'object' && body !== null ? (body as Body) : {};
}
