// One operation of the HTTP API: the definition from which its route, validation, documentation and OpenAPI come, and
// the function that answers. Routes of one resource are one file in routes/; operations.ts lists the resources.
import type { Context, Handler } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { z } from 'zod';
import { asCaller, type MemberCaller } from '../_shared/auth/index.ts';
import type { Query } from '../_shared/db/pool.ts';
import type { ErrorCode } from '../_shared/errors/index.ts';
import type { ApiEnv, Deps } from './deps.ts';
import { idempotently, requestIdentity } from './idempotency.ts';
import { isReadByReplica } from './replica/operations.ts';
import { requireMember, requirePermission, requireUser } from './request-queries.ts';
import { readBody, readParams, readQuery } from './validation.ts';

/** Schemas of many columns are built when they are first needed: a cold start of the function builds none. */
export type Lazy<T extends z.ZodType> = T | (() => T);

export interface Reply {
  description: string;
  /** Without a schema the answer has no body. */
  schema?: Lazy<z.ZodType>;
  /** Further content types of the same answer. */
  types?: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Definition<Q extends z.ZodObject = z.ZodObject, B extends z.ZodType = z.ZodType> {
  /** The operationId; also the route of stored idempotency keys. */
  id: string;
  method: Method;
  /** Below `/functions/v1/stepbase-api`, with `:name` for parameters. */
  path: string;
  title: string;
  /**
   * The permission of the caller's role or key; 'member': each caller of an application; 'caller': also a user without
   * one; 'user': a signed-in user, also without one, and no key; null: no caller.
   */
  permission: string | null;
  description: string;
  /** Schemas of path parameters; without one a parameter that ends with `_id` is a UUID and another is text. */
  params?: Readonly<Record<string, z.ZodType>>;
  query?: Q;
  body?: Lazy<B>;
  /** The body is no JSON that the schema describes. */
  rawBody?: string;
  /** Headers of the request, and what they do. */
  headers?: Readonly<Record<string, string>>;
  /** The lowest one is the status of an answer that names none. */
  replies: Readonly<Record<number, Reply>>;
  /** Besides those that every route under /v1 can raise. */
  errors: readonly ErrorCode[];
  /** The header Idempotency-Key: stored answers, with those of `secret` refused instead of repeated. */
  idempotency?: 'stored' | 'secret';
}

export interface Call<Q, B> {
  c: Context<ApiEnv>;
  deps: Deps;
  member: MemberCaller;
  params: Readonly<Record<string, string>>;
  query: Q;
  body: B;
}

export interface Answer {
  status?: number;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Operation extends Definition {
  handler(deps: Deps): Handler<ApiEnv>;
}

export interface Resource {
  name: string;
  description: string;
  operations: readonly Operation[];
}

const IDEMPOTENCY_HEADER = {
  'Idempotency-Key':
    'Repeats the first answer for 24 hours instead of creating again. The same key with another request is a `conflict`.',
};
const SECRET_HEADER = {
  'Idempotency-Key':
    'Creates once within 24 hours. A repeated request is a `conflict` with the `id` of the first result, because its secret is shown only once.',
};

function described<Q extends z.ZodObject, B extends z.ZodType>(
  definition: Definition<Q, B>,
): Definition<Q, B> {
  if (definition.idempotency === undefined) return definition;
  const errors = new Set<ErrorCode>([...definition.errors, 'conflict']);
  const header = definition.idempotency === 'secret' ? SECRET_HEADER : IDEMPOTENCY_HEADER;
  return { ...definition, headers: { ...header, ...definition.headers }, errors: [...errors] };
}

const NO_QUERY = z.strictObject({});
export const EmptyBody = z.strictObject({});

/** An operation with a function that answers by itself: several transactions, a stream, or no caller. */
export function operation<
  Q extends z.ZodObject = typeof NO_QUERY,
  B extends z.ZodType = typeof EmptyBody,
>(
  given: Definition<Q, B>,
  work: (call: Call<z.output<Q>, z.output<B>>) => Promise<Answer | Response>,
): Operation {
  const definition = described(given);
  const usual = Math.min(...Object.keys(definition.replies).map(Number));
  return {
    ...definition,
    handler: (deps) => async (c) => {
      const params = readParams(c, definition);
      const query = readQuery(c, definition.query ?? NO_QUERY) as z.output<Q>;
      const body = (
        definition.method === 'GET' ? {} : await readBody(c, schemaOf(definition.body ?? EmptyBody))
      ) as z.output<B>;
      const answer = await work({ c, deps, member: c.var.member, params, query, body });
      return answer instanceof Response ? answer : respond(c, answer, usual);
    },
  };
}

/** The definition of a route that is mounted elsewhere, because it has no caller. */
export function documented(definition: Definition): Operation {
  return {
    ...definition,
    handler: () => () => {
      throw new Error(`${definition.path} is mounted by its own file`);
    },
  };
}

/** An operation that is one transaction as the caller. Its permission is checked first. */
export function statement<
  Q extends z.ZodObject = typeof NO_QUERY,
  B extends z.ZodType = typeof EmptyBody,
>(
  given: Definition<Q, B>,
  work: (query: Query, call: Call<z.output<Q>, z.output<B>>) => Promise<Answer>,
): Operation {
  return operation(given, async (call) => {
    const { c, deps, member } = call;
    if (given.permission === 'user') requireUser(member);
    const identity = given.idempotency && (await requestIdentity(c, given));
    const inTransaction = <T>(all: (query: Query) => Promise<T>) =>
      isReadByReplica(given.id)
        ? deps.reads.asCaller(c, member, all)
        : asCaller(deps.db, member, all);
    return await inTransaction(async (query) => {
      if (given.permission === 'member') await requireMember(query);
      else if (given.permission?.includes(':')) await requirePermission(query, given.permission);
      const answer = () => work(query, call);
      if (!identity) return await answer();
      return await idempotently(query, identity, given.idempotency === 'secret', answer);
    });
  });
}

/** The context adds the headers that middleware has set. */
function respond(
  c: Context<ApiEnv>,
  { status, body, headers = {} }: Answer,
  usual: number,
): Response {
  const code = (status ?? usual) as ContentfulStatusCode;
  if (body === undefined) return c.body(null, code, headers);
  return c.body(JSON.stringify(body), code, { 'content-type': 'application/json', ...headers });
}

const built = new WeakMap<object, z.ZodType>();

export function schemaOf<T extends z.ZodType>(lazy: Lazy<T>): T {
  if (typeof lazy !== 'function') return lazy;
  const found = built.get(lazy) as T | undefined;
  if (found) return found;
  const schema = lazy();
  built.set(lazy, schema);
  return schema;
}
