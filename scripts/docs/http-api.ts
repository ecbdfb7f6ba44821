// docs/reference/http-api.md: every route, from functions/api/endpoints.ts and the zod schemas of the
// bodies.

import { z } from 'zod';
import { ERRORS } from '../../functions/_shared/errors/index.ts';
import { ENDPOINTS, type Endpoint } from '../../functions/api/endpoints.ts';
import { propertiesTable } from './json-schema.ts';
import { anchor, code, generatedFrom, page, table } from './markdown.ts';

const route = ({ method, path }: Endpoint) => code(`${method} ${path}`);

function bodyOf({ body, path, method }: Endpoint): string {
  if (body) {
    const properties = propertiesTable(z.toJSONSchema(body, { io: 'input' }));
    return `Body (JSON; other keys are refused):\n\n${properties}`;
  }
  if (path.startsWith('/hooks/')) {
    return 'Body: any text in UTF-8, parsed when `content-type` is JSON. `input.body` of the run holds it.';
  }
  return method === 'POST' ? 'Body: none, or `{}`.' : '';
}

function section(endpoint: Endpoint): string {
  const { title, permission, description, headers, responses, errors } = endpoint;
  const caller = permission === null ? 'no caller' : `permission ${code(permission)}`;
  return page(
    `### ${title}`,
    `${route(endpoint)} (${caller})`,
    description,
    headers
      ? table(
          ['header', 'meaning'],
          Object.entries(headers).map(([name, meaning]) => [code(name), meaning]),
        )
      : '',
    bodyOf(endpoint),
    table(
      ['status', 'answer'],
      [
        ...responses.map(([status, content]) => [String(status), content]),
        ...errors.map((name) => [String(ERRORS[name].status), code(name)]),
      ],
    ),
  );
}

export function httpApiPage(): string {
  return page(
    generatedFrom('`functions/api/endpoints.ts` and the routes'),
    '# HTTP API',
    'The HTTP API serves machines and clients without supabase-js. All paths are relative to `<project>/functions/v1/stepbase-api`.',
    table(
      ['route', 'permission', 'purpose'],
      ENDPOINTS.map((endpoint) => [
        route(endpoint),
        endpoint.permission === null ? '' : code(endpoint.permission),
        `[${endpoint.title}](#${anchor(endpoint.title)})`,
      ]),
    ),
    '## Callers',
    'Send `Authorization: Bearer <token>` to every route under `/v1`: an API key of the application (`sbk_…`), or the access token of a signed-in user. Statements run as this caller, so row-level security and the checks of the RPCs apply. The secret key of the project acts with the permissions of an admin of the application that the header `x-stepbase-app` names; without the header it is refused (`invalid_request`).',
    '## Common answers',
    'Errors are `application/problem+json`; see [errors](errors.md). Every route under `/v1` can answer with `invalid_request` (400), `not_authenticated` (401), `permission_denied` (403), `payload_too_large` (413), `unsupported_media_type` (415), `limit_reached` (429), `internal_error` (500) and `unavailable` (503). A path parameter that must be a UUID and is not gives `invalid_request`.',
    'Every answer has `X-Request-Id`. When Redis is configured, `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` state the rate limit of the caller (`STEPBASE_RATE_LIMIT` requests in ten seconds).',
    '## Routes',
    ...ENDPOINTS.map(section),
  );
}
