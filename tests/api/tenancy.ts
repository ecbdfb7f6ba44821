// Shared by the tests of tenancy over HTTP: users with known addresses, requests as them, and a record of the
// operations that were called.
import { randomUUID } from 'node:crypto';
import { linkIn, mailTo } from '../support/mail.ts';
import { client, stackInfo } from '../support/stack.ts';
import { DOCUMENT, operationOf } from './contract.ts';
import { type Answer, call, signToken } from './support.ts';

export interface User {
  id: string;
  email: string;
  token: string;
}
type Token = Pick<User, 'token'>;

export const REFUSED = [403, 'permission_denied'];
export const MISSING = [404, 'not_found'];
export const CONFLICT = [409, 'conflict'];
export const INVALID = [400, 'invalid_request'];

export const items = ({ body }: Answer) => body.items as Record<string, unknown>[];
export const outcome = ({ status, body }: Answer) => [status, body.code];

/** A user without an application. */
export async function createUser(name: string): Promise<User> {
  const email = `${name}-${randomUUID().slice(0, 8)}@routes.example`;
  const auth = client(stackInfo(), stackInfo().secret_key).auth.admin;
  const { data, error } = await auth.createUser({
    email,
    password: randomUUID(),
    email_confirm: true,
  });
  if (error) throw error;
  return { id: data.user.id, email, token: await signToken({ id: data.user.id }) };
}

export const inApp = async ({ id, email }: User, app_code: string): Promise<User> => ({
  id,
  email,
  token: await signToken({ id, app_code }),
});

/** The token in the newest mail to an address. */
export async function tokenFor(email: string): Promise<string> {
  const link = linkIn(await mailTo(email, /^Invitation to/), /\/invitation\?/);
  return link.searchParams.get('token') ?? '';
}

/** Requests to an API, and the statuses of each operation. */
export function requestsTo(url: () => string) {
  const answers = new Map<string, number[]>();
  async function send(
    method: string,
    path: string,
    { token }: Token,
    { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const answer = await call(`${url()}/v1/${path}`, { method, token, body, headers });
    const id = operationOf(method, `/v1/${path.split('?')[0]}`)?.operationId ?? path;
    answers.set(id, [...(answers.get(id) ?? []), answer.status]);
    return answer;
  }
  const isOk = (status: number) => status < 300;
  return {
    send,
    get: (path: string, by: Token) => send('GET', path, by),
    post: (path: string, by: Token, body: unknown = {}) => send('POST', path, by, { body }),
    patch: (path: string, by: Token, body: unknown) => send('PATCH', path, by, { body }),
    remove: (path: string, by: Token) => send('DELETE', path, by),
    /** The operations of matching paths that were not called both with success and without. */
    untested: (paths: RegExp): string[] =>
      Object.entries(DOCUMENT.paths)
        .filter(([path]) => paths.test(path))
        .flatMap(([, methods]) => Object.values(methods).map(({ operationId }) => operationId))
        .filter((id) => {
          const statuses = answers.get(id) ?? [];
          return !statuses.some(isOk) || statuses.every(isOk);
        }),
  };
}
