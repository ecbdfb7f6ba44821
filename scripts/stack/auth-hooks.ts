// The two Auth hooks that @supabase/lite lacks: calls the SQL functions named in config.toml, as Supabase Auth does,
// and signs the claims that the access-token hook returns.

import { decodeJwt, SignJWT } from 'jose';
import pg from 'pg';
import type { HookFunction } from './config-toml.ts';

/** The error response of Supabase Auth when a hook refuses; errors of a hook itself have no code. */
export class HookRefusal extends Error {
  readonly status: number;
  readonly code: string | undefined;
  constructor(status: number, code: string | undefined, message: string) {
    super(message);
    this.name = 'HookRefusal';
    this.status = status;
    this.code = code;
  }
}

const REQUIRED_CLAIMS = ['aud', 'exp', 'iat', 'sub', 'role', 'aal', 'session_id'];

interface UserRow {
  email: string | null;
  phone: string | null;
  app_metadata: Record<string, unknown>;
  user_metadata: Record<string, unknown>;
  is_anonymous: boolean;
  is_banned: boolean;
  signed_in_at: string | null;
}

export class AuthHooks {
  readonly #pool: pg.Pool;
  readonly #secret: Uint8Array;
  readonly #issuer: string;
  readonly #tokenHook: HookFunction | undefined;
  readonly #passwordHook: HookFunction | undefined;

  constructor(options: {
    pool: pg.Pool;
    jwtSecret: string;
    issuer: string;
    tokenHook: HookFunction | undefined;
    passwordHook: HookFunction | undefined;
  }) {
    this.#pool = options.pool;
    this.#secret = new TextEncoder().encode(options.jwtSecret);
    this.#issuer = options.issuer;
    this.#tokenHook = options.tokenHook;
    this.#passwordHook = options.passwordHook;
  }

  /** Calls the hook before a password sign-in, with the result of the password check; throws if the hook refuses. */
  async passwordAttempt(email: string, password: string): Promise<void> {
    if (!this.#passwordHook) return;
    // pgcrypto supports only the prefix $2a$ of bcrypt; $2b$ is the same for passwords of this length.
    const { rows } = await this.#pool.query<{ id: string; valid: boolean }>(
      `select u.id, coalesce(extensions.crypt($2, hash.a) = hash.a, false) as valid
       from auth.users u, replace(u.encrypted_password, '$2b$', '$2a$') as hash (a)
       where u.email = lower($1) and u.is_sso_user = false and u.encrypted_password <> ''`,
      [email, password],
    );
    const [user] = rows;
    if (!user) return;
    const answer = await this.#call(this.#passwordHook, { user_id: user.id, valid: user.valid });
    if (answer.decision !== 'reject') return;
    if (answer.should_logout_user === true) {
      await this.#pool.query('delete from auth.sessions where user_id = $1', [user.id]);
    }
    const message =
      typeof answer.message === 'string' && answer.message !== ''
        ? answer.message
        : 'Invalid password';
    throw new HookRefusal(400, 'invalid_credentials', message);
  }

  /** Adds the claims of Supabase Auth to an issued token, passes it through the hook, and signs it again. */
  async accessToken(token: string, method: string): Promise<string> {
    const issued = decodeJwt(token);
    const { rows } = await this.#pool.query<UserRow>(
      `select u.email, u.phone, u.is_anonymous,
         coalesce(u.raw_app_meta_data, '{}') as app_metadata,
         coalesce(u.raw_user_meta_data, '{}') as user_metadata,
         coalesce(u.banned_until > now(), false) as is_banned,
         (select extract(epoch from s.created_at)::bigint from auth.sessions s where s.id = $2) as signed_in_at
       from auth.users u where u.id = $1`,
      [issued.sub, issued.session_id ?? null],
    );
    const [user] = rows;
    if (!user)
      throw new HookRefusal(403, 'user_not_found', 'User from sub claim in JWT does not exist');
    if (user.is_banned) throw new HookRefusal(400, 'user_banned', 'User is banned');
    const claims: Record<string, unknown> = {
      ...issued,
      iss: this.#issuer,
      email: user.email ?? '',
      phone: user.phone ?? '',
      app_metadata: user.app_metadata,
      user_metadata: user.user_metadata,
      aal: issued.aal ?? 'aal1',
      amr: [{ method: 'password', timestamp: Number(user.signed_in_at ?? issued.iat) }],
      is_anonymous: user.is_anonymous,
    };
    const final = this.#tokenHook
      ? await this.#hookClaims(this.#tokenHook, claims, method)
      : claims;
    return await new SignJWT(final)
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .sign(this.#secret);
  }

  async #hookClaims(
    hook: HookFunction,
    claims: Record<string, unknown>,
    method: string,
  ): Promise<Record<string, unknown>> {
    const answer = await this.#call(hook, {
      user_id: claims.sub,
      claims,
      authentication_method: method,
    });
    const changed = answer.claims;
    if (typeof changed !== 'object' || changed === null) {
      throw new HookRefusal(500, 'unexpected_failure', 'Error: output claims field is missing');
    }
    const missing = REQUIRED_CLAIMS.filter((name) => !(name in changed));
    if (missing.length > 0) {
      throw new HookRefusal(
        500,
        'unexpected_failure',
        `output claims do not conform to the expected schema: ${missing.join(', ')} is required`,
      );
    }
    return changed as Record<string, unknown>;
  }

  async #call(hook: HookFunction, event: unknown): Promise<Record<string, unknown>> {
    const name = `${pg.escapeIdentifier(hook.schema)}.${pg.escapeIdentifier(hook.name)}`;
    const { rows } = await this.#pool.query<{ answer: Record<string, unknown> | null }>(
      `select ${name}($1::jsonb) as answer`,
      [JSON.stringify(event)],
    );
    const answer = rows[0]?.answer ?? {};
    const error = answer.error as { http_code?: number; message?: string } | undefined | null;
    if (error)
      throw new HookRefusal(error.http_code ?? 500, undefined, error.message ?? 'Hook failed');
    return answer;
  }
}
