// docs/reference/http-api.md: every route, from the operations in functions/api and their zod schemas.

import { z } from 'zod';
import { ERRORS } from '../../functions/_shared/errors/index.ts';
import { type Operation, type Resource, schemaOf } from '../../functions/api/operation.ts';
import { RESOURCES } from '../../functions/api/operations.ts';
import { propertiesTable } from './json-schema.ts';
import { anchor, code, generatedFrom, page, table } from './markdown.ts';

const route = ({ method, path }: Operation) => code(`${method} ${path}`);

const properties = (schema: z.ZodType) =>
  propertiesTable(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));

function bodyOf({ body, rawBody, method }: Operation): string {
  if (rawBody !== undefined) return `Body: ${rawBody.charAt(0).toLowerCase()}${rawBody.slice(1)}`;
  if (body) return `Body (JSON; other keys are refused):\n\n${properties(schemaOf(body))}`;
  return method === 'POST' ? 'Body: none, or `{}`.' : '';
}

function caller(permission: string | null): string {
  if (permission === null) return 'no caller';
  if (permission === 'member') return 'each member and key';
  if (permission === 'caller') return 'each signed-in user and key';
  if (permission === 'user') return 'each signed-in user, no key';
  return `permission ${code(permission)}`;
}

function section(operation: Operation): string {
  const { title, permission, description, headers, query, replies, errors } = operation;
  const isList = query !== undefined && 'cursor' in query.shape;
  const filters = isList ? query.omit({ limit: true, cursor: true }) : query;
  return page(
    `#### ${title}`,
    `${route(operation)} (${caller(permission)})`,
    description,
    filters
      ? `Query parameters${isList ? ', with `limit` and `cursor`' : ''}:\n\n${properties(filters)}`
      : '',
    headers
      ? table(
          ['header', 'meaning'],
          Object.entries(headers).map(([name, meaning]) => [code(name), meaning]),
        )
      : '',
    bodyOf(operation),
    table(
      ['status', 'answer'],
      [
        ...Object.entries(replies).map(([status, reply]) => [status, reply.description]),
        ...errors.map((name) => [String(ERRORS[name].status), code(name)]),
      ],
    ),
  );
}

const group = ({ name, description, operations }: Resource) =>
  page(`### ${name}`, description, ...operations.map(section));

export function httpApiPage(): string {
  return page(
    generatedFrom('the operations in `functions/api`'),
    '# HTTP API',
    'The HTTP API serves machines and clients without supabase-js. All paths are relative to `<project>/functions/v1/stepbase-api`. The same API in OpenAPI 3.1 is [openapi.json](openapi.json), which the API serves at `/openapi.json`. [Use the HTTP API](../guides/http-api.md) explains pages, waiting, idempotency and conditional saves.',
    table(
      ['route', 'permission', 'purpose'],
      RESOURCES.flatMap(({ operations }) =>
        operations.map((operation) => [
          route(operation),
          operation.permission?.includes(':') ? code(operation.permission) : '',
          `[${operation.title}](#${anchor(operation.title)})`,
        ]),
      ),
    ),
    '## Callers',
    'Send `Authorization: Bearer <token>` to every route under `/v1`: an API key of the application (`sbk_…`), or the access token of a signed-in user. Statements run as this caller, so row-level security and the checks of the RPCs apply. The secret key of the project acts with the permissions of an admin of the application that the header `x-stepbase-app` names; without the header it is refused (`invalid_request`).',
    '## Common answers',
    'Errors are `application/problem+json`; see [errors](errors.md). Every route under `/v1` can answer with `invalid_request` (400), `not_authenticated` (401), `permission_denied` (403), `payload_too_large` (413), `unsupported_media_type` (415), `limit_reached` (429), `internal_error` (500) and `unavailable` (503). A path parameter that must be a UUID and is not gives `invalid_request`.',
    'Every answer has `X-Request-Id`. When Redis is configured, `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` state the rate limit of the caller (`STEPBASE_RATE_LIMIT` requests in ten seconds).',
    '## Routes',
    ...RESOURCES.map(group),
  );
}
