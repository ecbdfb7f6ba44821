// /auth/v1/admin and /auth/v1/invite: the user administration of Supabase Auth, which @supabase/lite lacks.

import type pg from 'pg';
import { z } from 'zod';
import { authError, authJson } from './auth-errors.ts';
import type { AuthMail } from './auth-mail.ts';
import { type AuthOtp, oneTimeCode } from './auth-otp.ts';
import { AdminRefusal, AuthUsers, changes, type User, type UserChanges } from './auth-users.ts';
import type { Identity } from './identity.ts';

interface AdminOptions {
  pool: pg.Pool;
  mail: AuthMail;
  otp: AuthOtp;
  siteUrl: string;
  minimumPasswordLength: number;
  caller: (headers: Headers) => Promise<Identity>;
}

const ADMIN = '/auth/v1/admin/';
const PER_PAGE = 50;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const link = changes.extend({
  type: z.string(),
  email: z.email(),
  data: z.record(z.string(), z.unknown()).nullish(),
  redirect_to: z.string().nullish(),
});

const invitation = link.pick({ email: true, data: true });

const pageNumber = z.union([
  z.literal('').transform(() => undefined),
  z.coerce.number().int().min(1),
]);
const page = z.object({
  page: pageNumber.optional(),
  per_page: pageNumber.optional(),
});

export class AuthAdmin {
  readonly #options: AdminOptions;
  readonly #users: AuthUsers;

  constructor(options: AdminOptions) {
    this.#options = options;
    this.#users = new AuthUsers(options.pool, options.minimumPasswordLength);
  }

  /** Undefined if the path is not one of the administration. */
  async fetch(request: Request, url: URL): Promise<Response | undefined> {
    const isInvite = url.pathname === '/auth/v1/invite';
    if (!(isInvite || url.pathname.startsWith(ADMIN))) return undefined;
    const caller = await this.#options.caller(request.headers);
    if (!caller.ok) {
      return authError(401, 'no_authorization', 'This endpoint requires a valid Bearer token');
    }
    if (caller.claims.role !== 'service_role') {
      return authError(403, 'not_admin', 'User not allowed');
    }
    try {
      if (isInvite) {
        if (request.method !== 'POST') throw notAllowed();
        return await this.#invite(parse(invitation, await body(request)));
      }
      return await this.#route(request, url, url.pathname.slice(ADMIN.length).split('/'));
    } catch (error) {
      if (error instanceof AdminRefusal) {
        return authError(error.status, error.code, error.message);
      }
      throw error;
    }
  }

  async #route(request: Request, url: URL, path: string[]): Promise<Response> {
    const { method } = request;
    const [group, id, part] = path;
    if (group === 'generate_link' && method === 'POST' && path.length === 1) {
      return await this.#generateLink(parse(link, await body(request)), url);
    }
    if (group !== 'users') throw notBuilt(`does not have ${url.pathname}`);
    if (id === undefined) {
      if (method === 'GET') return await this.#list(url);
      if (method === 'POST') {
        return authJson(200, await this.#users.create(parse(changes, await body(request))));
      }
      throw notAllowed();
    }
    if (!UUID.test(id)) {
      throw new AdminRefusal(404, 'validation_failed', 'user_id must be an UUID');
    }
    const user = await this.#users.get(id);
    if (part === 'factors') {
      if (method === 'GET' && path.length === 3) return authJson(200, []);
      throw new AdminRefusal(404, 'mfa_factor_not_found', 'Factor not found');
    }
    if (part !== undefined) throw notBuilt(`does not have ${url.pathname}`);
    if (method === 'GET') return authJson(200, user);
    if (method === 'PUT') {
      return authJson(200, await this.#users.update(id, parse(changes, await body(request))));
    }
    if (method === 'DELETE') {
      const { should_soft_delete } = parse(
        z.object({ should_soft_delete: z.boolean().default(false) }),
        await body(request),
      );
      await (should_soft_delete ? this.#users.softDelete(id) : this.#users.delete(id));
      return authJson(200, {});
    }
    throw notAllowed();
  }

  async #list(url: URL): Promise<Response> {
    const asked = page.safeParse(Object.fromEntries(url.searchParams));
    if (!asked.success) {
      throw new AdminRefusal(400, 'validation_failed', 'Bad Pagination Parameters');
    }
    const { page: number = 1, per_page: size = PER_PAGE } = asked.data;
    const { users, total } = await this.#users.list(number, size);
    const last = Math.max(1, Math.ceil(total / size));
    const address = (target: number, rel: string) =>
      `<${url.origin}${url.pathname}?page=${target}&per_page=${size}>; rel="${rel}"`;
    const links = [...(number < last ? [address(number + 1, 'next')] : []), address(last, 'last')];
    return authJson(
      200,
      { users, aud: 'authenticated' },
      { 'X-Total-Count': String(total), Link: links.join(', ') },
    );
  }

  async #invite({ email, data }: z.output<typeof invitation>): Promise<Response> {
    const user = await this.#unconfirmed(email, { user_metadata: data });
    await this.#users.markInvited(String(user.id));
    return authJson(200, await this.#options.otp.confirm(user, 'invite'));
  }

  /** The user with this address, or a new one; refuses an address that is confirmed. */
  async #unconfirmed(email: string, wanted: UserChanges): Promise<User> {
    const known = await this.#users.find(email);
    if (known?.email_confirmed_at) throw this.#users.emailExists();
    return known ?? (await this.#users.create({ ...wanted, email, email_confirm: false }));
  }

  /** The link works as if it had been mailed. */
  async #generateLink(params: z.output<typeof link>, url: URL): Promise<Response> {
    const { type, email } = params;
    if (type !== 'signup' && type !== 'invite' && type !== 'magiclink' && type !== 'recovery') {
      throw notBuilt(`generates no link of the type ${type}`);
    }
    const known = await this.#users.find(email);
    if (type === 'recovery' && !known) {
      throw new AdminRefusal(404, 'user_not_found', 'User with this email not found');
    }
    if (type === 'signup' && !params.password && !known) {
      throw new AdminRefusal(400, 'validation_failed', 'Signup requires a valid password');
    }
    const wanted = { ...params, user_metadata: params.data };
    const isFirst = type === 'signup' || type === 'invite';
    const user = isFirst
      ? await this.#unconfirmed(email, wanted)
      : (known ?? (await this.#users.create({ ...wanted, email_confirm: false })));
    if (type === 'invite') await this.#users.markInvited(String(user.id));
    const { code, hash } = oneTimeCode(String(user.email));
    const confirms = isFirst || !user.email_confirmed_at;
    const changed = await this.#users.remember(
      String(user.id),
      confirms && type !== 'recovery' ? 'confirmation' : 'recovery',
      hash,
    );
    const { mail, siteUrl } = this.#options;
    const target = url.searchParams.get('redirect_to') ?? params.redirect_to ?? null;
    return authJson(200, {
      ...changed,
      action_link: await mail.linking({ redirectTo: target, challenge: undefined }, async () =>
        mail.link(type, hash),
      ),
      email_otp: code,
      hashed_token: hash,
      redirect_to: target ?? siteUrl,
      verification_type: type,
    });
  }
}

async function body(request: Request): Promise<unknown> {
  const text = await request.text();
  if (text === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new AdminRefusal(400, 'bad_json', 'Could not parse request body as JSON');
  }
}

function parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue && issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
  throw new AdminRefusal(400, 'validation_failed', `${where}${issue?.message ?? 'invalid'}`);
}

function notAllowed(): AdminRefusal {
  return new AdminRefusal(405, 'method_not_allowed', 'Method not allowed');
}

/** Not 501, because supabase-js hides the code of such an answer. */
function notBuilt(what: string): AdminRefusal {
  return new AdminRefusal(422, 'not_implemented', `The embedded Auth ${what}`);
}
