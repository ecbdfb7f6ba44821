// PKCE in the flows by mail, as in Supabase Auth: a request with a code challenge makes its link redirect with
// `?code=…`, which only the client with the code verifier can exchange for a session. @supabase/lite has the exchange.

import { createHash, randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import type pg from 'pg';
import { authError } from './auth-errors.ts';

/** Before the token of a link. */
const PREFIX = 'pkce_';

export interface CodeChallenge {
  challenge: string;
  method: 's256' | 'plain';
}

/** The challenge of a request, or a refusal. */
export function challengeOf(body: Record<string, unknown>): CodeChallenge | Response | undefined {
  const { code_challenge: challenge, code_challenge_method: given } = body;
  const isAbsent = (value: unknown) => value === undefined || value === null || value === '';
  if (isAbsent(challenge) && isAbsent(given)) return undefined;
  const refused = (message: string) => authError(400, 'validation_failed', message);
  if (isAbsent(challenge) || isAbsent(given)) {
    return refused('PKCE flow requires code_challenge_method and code_challenge');
  }
  const method = String(given).toLowerCase();
  if (method !== 's256' && method !== 'plain') return refused('invalid code_challenge_method');
  if (typeof challenge !== 'string' || !/^[a-zA-Z._~0-9-]{43,128}$/.test(challenge)) {
    return refused(
      'code challenge has to be between 43 and 128 characters and must contain only valid characters',
    );
  }
  return { challenge, method };
}

/** The id of a flow follows from the token of its link. */
function flowId(tokenHash: string): string {
  const hex = createHash('sha256').update(`flow ${tokenHash}`).digest('hex').slice(0, 32);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

export const isPkceToken = (token: string | null): boolean => token?.startsWith(PREFIX) ?? false;
export const withoutPrefix = (token: string): string =>
  isPkceToken(token) ? token.slice(PREFIX.length) : token;

export class PkceFlows {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Returns the token for the link. */
  async start(kind: string, tokenHash: string, asked: CodeChallenge): Promise<string> {
    await this.#pool.query(
      `insert into auth.flow_state
         (id, auth_code, authentication_method, code_challenge_method, code_challenge, provider_type)
       values ($1, $2, $3, $4, $5, 'email')`,
      [flowId(tokenHash), randomUUID(), kind, asked.method, asked.challenge],
    );
    return `${PREFIX}${tokenHash}`;
  }

  /** The redirect of a link that was followed: with a code, or with the error in the query, too. */
  async finish(token: string, redirect: Response): Promise<Response> {
    const location = redirect.headers.get('location');
    if (redirect.status !== 303 || location === null) return redirect;
    const target = new URL(location);
    const values = new URLSearchParams(target.hash.slice(1));
    const session = values.get('access_token');
    if (session === null) {
      for (const [name, value] of values) {
        if (name.startsWith('error')) target.searchParams.set(name, value);
      }
      return Response.redirect(target, 303);
    }
    const { sub, session_id } = decodeJwt(session);
    // The session begins with the exchange.
    await this.#pool.query('delete from auth.sessions where id = $1', [session_id]);
    const { rows } = await this.#pool.query<{ auth_code: string }>(
      `update auth.flow_state set user_id = $2, auth_code_issued_at = now(), created_at = now(), updated_at = now()
       where id = $1 and user_id is null
       returning auth_code`,
      [flowId(withoutPrefix(token)), sub],
    );
    target.hash = '';
    const [flow] = rows;
    if (flow) target.searchParams.set('code', flow.auth_code);
    else {
      target.searchParams.set('error', 'server_error');
      target.searchParams.set('error_code', 'flow_state_not_found');
    }
    return Response.redirect(target, 303);
  }
}
