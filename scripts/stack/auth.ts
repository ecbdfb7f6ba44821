// /auth/v1: the Auth of @supabase/lite on the stack's database as supabase_auth_admin, with the hooks around it.

import { decodeJwt } from 'jose';
import { AuthAdmin } from './auth-admin.ts';
import { absentFeature, authError } from './auth-errors.ts';
import { AuthHooks, HookRefusal } from './auth-hooks.ts';
import { AuthMail } from './auth-mail.ts';
import { MailLimit } from './auth-mail-limit.ts';
import { AuthOtp, bodyOf } from './auth-otp.ts';
import { challengeOf, isPkceToken, PkceFlows } from './auth-pkce.ts';
import type { ProjectConfig } from './config-toml.ts';
import type { Gatekeeper } from './identity.ts';
import { jsonValue } from './json-values.ts';
import type { StackKeys } from './keys.ts';
import type { MailServer } from './mail/settings.ts';
import { closePool, ENDS_WITH_CLIENT, StackPool } from './postgres/close-pool.ts';
import { withSilencedConsole } from './silenced-console.ts';

export interface AuthService {
  fetch(request: Request): Promise<Response>;
  stop(): Promise<void>;
}

interface AuthOptions {
  /** URL for supabase_auth_admin. */
  dbUrl: string;
  apiUrl: string;
  webUrl: string;
  keys: StackKeys;
  gatekeeper: Gatekeeper;
  project: ProjectConfig;
  /** Undefined: nothing can be mailed, and the flows that need a mail fail. */
  mailServer: MailServer | undefined;
  onError: (message: string) => void;
}

type TokenBody = { access_token: string; [key: string]: unknown };

export async function startAuth(options: AuthOptions): Promise<AuthService> {
  const { project, keys } = options;
  const { App } = await import('@supabase/lite');
  const { createPostgresConnection } = await import('@supabase/lite/postgres');
  const connection = createPostgresConnection({
    url: options.dbUrl,
    postgresOptions: {
      max: 8,
      idle_timeout: 60,
      onnotice: () => undefined,
      connection: ENDS_WITH_CLIENT,
      types: { json: jsonValue(114), jsonb: jsonValue(3802) },
    },
  });
  const pool = new StackPool({
    connectionString: options.dbUrl,
    max: 5,
    idleTimeoutMillis: 60_000,
  });
  const flows = new PkceFlows(pool);
  const mail = new AuthMail({
    server: options.mailServer,
    apiUrl: options.apiUrl,
    siteUrl: options.webUrl,
    flows,
  });
  const limit = new MailLimit(pool, project.auth.email.max_frequency);
  const app = new App({
    connection,
    auth: {
      enabled: true,
      jwt_secret: keys.jwtSecret,
      jwt_expiry: project.auth.jwt_expiry,
      enable_signup: project.auth.enable_signup,
      minimum_password_length: project.auth.minimum_password_length,
      enable_refresh_token_rotation: project.auth.enable_refresh_token_rotation,
      refresh_token_reuse_interval: project.auth.refresh_token_reuse_interval,
      site_url: options.webUrl,
      additional_redirect_urls: project.auth.additional_redirect_urls,
      email: {
        enable_signup: project.auth.email.enable_signup,
        enable_confirmations: project.auth.email.enable_confirmations,
      },
      publishable_key: keys.publishableKey,
      secret_key: keys.secretKey,
    },
    db: { migrations: { enabled: false } },
    options: {
      server: { disableStudio: true },
      drivers: { email: { send: (message) => mail.sendOfLite(message) } },
    },
  });
  const hooks = new AuthHooks({
    pool,
    jwtSecret: keys.jwtSecret,
    issuer: `${options.apiUrl}/auth/v1`,
    tokenHook: project.auth.hook.custom_access_token,
    passwordHook: project.auth.hook.password_verification_attempt,
  });

  const otp = new AuthOtp(pool, mail, project.auth);
  const admin = new AuthAdmin({
    pool,
    mail,
    otp,
    siteUrl: options.webUrl,
    minimumPasswordLength: project.auth.minimum_password_length,
    caller: (headers) => options.gatekeeper.identify(headers),
  });

  /** Passes a token response through the hook; deletes the session if the hook refuses. */
  const withClaims = async (token: string, method: string): Promise<string> => {
    try {
      return await hooks.accessToken(token, method);
    } catch (error) {
      if (error instanceof HookRefusal && error.status < 500) {
        await pool.query('delete from auth.sessions where id = $1', [decodeJwt(token).session_id]);
      }
      throw error;
    }
  };

  const answer = async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    const grant = url.searchParams.get('grant_type');
    const own = absentFeature(request.method, url.pathname) ?? (await admin.fetch(request, url));
    if (own) return own;
    if (request.method === 'POST' && url.pathname === '/auth/v1/token' && grant === 'password') {
      const body = await bodyOf(request);
      if (typeof body.email === 'string' && typeof body.password === 'string') {
        await hooks.passwordAttempt(body.email, body.password);
      }
    }
    const next = await otp.handle(request, url);
    if (next instanceof Response) return next;
    const response = await withSilencedConsole(() => app.fetch(next));
    const token = url.searchParams.get('token') ?? url.searchParams.get('token_hash');
    if (request.method === 'GET' && url.pathname === '/auth/v1/verify' && isPkceToken(token)) {
      return await flows.finish(token ?? '', response);
    }
    const method = authenticationMethod(url.pathname, grant);
    return await resign(response, method, url.searchParams.get('type'), withClaims);
  };

  return {
    fetch: async (request) => {
      try {
        const { pathname, searchParams } = new URL(request.url);
        const body = request.method === 'GET' ? {} : await bodyOf(request);
        const challenge = challengeOf(body);
        if (challenge instanceof Response) return challenge;
        const early = await limit.refusal(request, pathname, body);
        if (early) return early;
        const wanted = { redirectTo: searchParams.get('redirect_to'), challenge };
        return await mail.linking(wanted, () => answer(request));
      } catch (error) {
        if (!(error instanceof HookRefusal)) options.onError(`auth: ${String(error)}`);
        return refusal(error);
      }
    },
    stop: async () => {
      mail.stop();
      await Promise.all([closePool(connection), pool.stop()]);
    },
  };
}

function authenticationMethod(path: string, grant: string | null): string {
  if (grant === 'refresh_token') return 'token_refresh';
  return path === '/auth/v1/verify' || grant === 'pkce' ? 'otp' : 'password';
}

/**
 * Replaces the token in a JSON session or in the fragment of a redirect, which also gets the type that the caller
 * wrote; other responses are not changed.
 */
async function resign(
  response: Response,
  method: string,
  type: string | null,
  withClaims: (token: string, method: string) => Promise<string>,
): Promise<Response> {
  const location = response.headers.get('location');
  if (response.status === 303 && location?.includes('#access_token=')) {
    const [base, fragment] = location.split('#') as [string, string];
    const values = new URLSearchParams(fragment);
    values.set('access_token', await withClaims(values.get('access_token') ?? '', method));
    if (type !== null) values.set('type', type);
    const headers = new Headers(response.headers);
    headers.set('location', `${base}#${values}`);
    return new Response(null, { status: 303, headers });
  }
  if (response.status !== 200 || !response.headers.get('content-type')?.includes('json')) {
    return response;
  }
  const body = (await response.clone().json()) as TokenBody | null;
  if (typeof body?.access_token !== 'string') return response;
  body.access_token = await withClaims(body.access_token, method);
  const headers = new Headers(response.headers);
  headers.delete('content-length');
  return new Response(JSON.stringify(body), { status: 200, headers });
}

function refusal(error: unknown): Response {
  if (!(error instanceof HookRefusal)) {
    return authError(500, 'unexpected_failure', 'Internal server error');
  }
  return authError(error.status, error.code, error.message);
}
