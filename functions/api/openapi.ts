// The OpenAPI 3.1 document of the HTTP API, from the operations and their zod schemas. OpenAPI 3.1 and zod both use JSON
// Schema 2020-12, so the schemas need no translation.
import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../_shared/errors/index.ts';
import './components.ts';
import { type Operation, type Reply, type Resource, schemaOf } from './operation.ts';
import { isReadByReplica } from './replica/operations.ts';
import { LSN_HEADER } from './replica/reads.ts';
import { COMPONENTS } from './rows.ts';
import { paramNames, paramSchema } from './validation.ts';

type Json = Record<string, unknown>;

const COMMON_ERRORS: readonly ErrorCode[] = [
  'invalid_request',
  'not_authenticated',
  'permission_denied',
  'payload_too_large',
  'unsupported_media_type',
  'limit_reached',
  'internal_error',
  'unavailable',
];

/** Of all operations but the probes, which answer in each case. */
const VERSION_ERRORS: readonly ErrorCode[] = ['schema_too_old', 'schema_too_new', 'client_too_old'];

const RATE_HEADERS = ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'] as const;

interface Override {
  jsonSchema: { format?: unknown; pattern?: unknown; additionalProperties?: unknown };
}

/** zod states a format also as a long pattern. */
function withoutPattern({ jsonSchema }: Override): void {
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
}

/** Schemas that a request must fulfil: what the client writes, so defaults are optional. */
function inputSchema(schema: z.ZodType): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: withoutPattern,
  });
  return json;
}

/** The components, with references between them. An answer may get further members, so no object is closed. */
function components(): Json {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of COMPONENTS) registry.add(schema(), { id });
  const { schemas } = z.toJSONSchema(registry, {
    uri: (id) => `#/components/schemas/${id}`,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      withoutPattern({ jsonSchema });
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    },
  });
  return Object.fromEntries(
    Object.entries(schemas)
      .filter(([id]) => COMPONENTS.has(id))
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([id, { $schema: _s, $id: _i, ...json }]) => [id, json]),
  );
}

/** Every schema of an answer is a component, so an answer is a reference. */
function componentOf(reply: Reply): Json | undefined {
  if (reply.schema === undefined) return undefined;
  const schema = schemaOf(reply.schema);
  for (const [id, get] of COMPONENTS) {
    if (get() === schema) return { $ref: `#/components/schemas/${id}` };
  }
  throw new Error(`the answer "${reply.description}" has a schema without a name`);
}

/** Links of the Markdown page have no target here. */
const text = (markdown: string) => markdown.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1');

const header = (description: string) => ({
  description: text(description),
  schema: { type: 'string' },
});

const LSN_OF_REQUEST =
  'A position of an earlier answer: a read replica answers only if it has replayed it. Without it, the answer shows everything that was committed before the request.';
const LSN_OF_ANSWER =
  'With a read replica: the position in the write-ahead log up to which this answer saw or wrote.';

function replyObject(reply: Reply, isLimited: boolean): Json {
  const schema = componentOf(reply);
  const types = Object.entries(reply.types ?? {}).map(([type, description]) => [
    type,
    { schema: { type: 'string', description } },
  ]);
  const headers = Object.entries(reply.headers ?? {}).map(([name, description]) => [
    name,
    header(description),
  ]);
  return {
    description: text(reply.description),
    headers: {
      'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' },
      ...(isLimited
        ? Object.fromEntries(
            [...RATE_HEADERS, LSN_HEADER].map((name) => [
              name,
              { $ref: `#/components/headers/${name}` },
            ]),
          )
        : {}),
      ...Object.fromEntries(headers),
    },
    ...(schema === undefined
      ? {}
      : { content: { 'application/json': { schema }, ...Object.fromEntries(types) } }),
  };
}

function parametersOf(operation: Operation): Json[] {
  const inPath = paramNames(operation.path).map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: inputSchema(paramSchema(name, operation.params)),
  }));
  const query = operation.query === undefined ? {} : inputSchema(operation.query);
  const required = new Set((query.required ?? []) as string[]);
  const inQuery = Object.entries((query.properties ?? {}) as Record<string, Json>).map(
    ([name, { description, ...schema }]) => ({
      name,
      in: 'query',
      required: required.has(name),
      ...(description === undefined ? {} : { description: text(String(description)) }),
      schema,
    }),
  );
  const inHeader = Object.entries(operation.headers ?? {}).map(([name, description]) => ({
    name,
    in: 'header',
    required: operation.permission === null,
    ...header(description),
  }));
  const ofReplica = isReadByReplica(operation.id)
    ? [{ name: LSN_HEADER, in: 'header', required: false, ...header(LSN_OF_REQUEST) }]
    : [];
  return [...inPath, ...inQuery, ...inHeader, ...ofReplica];
}

function bodyOf(operation: Operation): Json {
  if (operation.rawBody !== undefined) {
    return {
      requestBody: {
        description: operation.rawBody,
        content: { '*/*': { schema: { type: 'string' } } },
      },
    };
  }
  if (operation.body === undefined) return {};
  const schema = inputSchema(schemaOf(operation.body));
  const required = Array.isArray(schema.required) && schema.required.length > 0;
  return { requestBody: { required, content: { 'application/json': { schema } } } };
}

const problemName = (codes: readonly ErrorCode[]) => codes.join('-or-');

const problemObject = (codes: readonly ErrorCode[]): Json => ({
  description: codes.map((code) => `\`${code}\``).join(', '),
  content: {
    'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
  },
});

/** The codes of each status that an operation can answer with. */
function problemsOf({ permission, errors }: Operation): Map<number, ErrorCode[]> {
  const statuses = new Map<number, ErrorCode[]>();
  const isProbe = permission === null && errors.length === 0;
  const common = [
    ...(permission === null ? [] : COMMON_ERRORS),
    ...(isProbe ? [] : VERSION_ERRORS),
  ];
  for (const code of new Set([...common, ...errors])) {
    const { status } = ERRORS[code];
    statuses.set(status, [...(statuses.get(status) ?? []), code]);
  }
  return statuses;
}

function operationObject(operation: Operation, tag: string): Json {
  const isOpen = operation.permission === null;
  const replies = Object.entries(operation.replies).map(
    ([status, reply]) => [status, replyObject(reply, !isOpen)] as const,
  );
  const problems = [...problemsOf(operation)].map(
    ([status, codes]) =>
      [String(status), { $ref: `#/components/responses/${problemName(codes)}` }] as const,
  );
  return {
    operationId: operation.id,
    tags: [tag],
    summary: operation.title,
    description: text(operation.description),
    ...(isOpen ? { security: [] } : {}),
    ...(operation.permission?.includes(':') ? { 'x-permission': operation.permission } : {}),
    parameters: parametersOf(operation),
    ...bodyOf(operation),
    // An answer that a status can also mean (readyz) comes first.
    responses: Object.fromEntries(
      [...problems, ...replies].sort(([a], [b]) => Number(a) - Number(b)),
    ),
  };
}

export function openApiDocument(resources: readonly Resource[]): Json {
  const paths: Record<string, Json> = {};
  const problems = new Map<string, Json>();
  for (const { name, operations } of resources) {
    for (const operation of operations) {
      const path = operation.path.replaceAll(/:(\w+)/g, '{$1}');
      paths[path] ??= {};
      paths[path][operation.method.toLowerCase()] = operationObject(operation, name);
      for (const codes of problemsOf(operation).values()) {
        problems.set(problemName(codes), problemObject(codes));
      }
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Stepbase HTTP API',
      version: '1',
      description:
        'Workflows, runs and tasks for machines and for clients without supabase-js. Each request runs as its caller, under row-level security.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [
      {
        url: '{project}/functions/v1/stepbase-api',
        variables: {
          project: {
            default: 'http://127.0.0.1:54321',
            description: 'The address of the project.',
          },
        },
      },
    ],
    security: [{ bearer: [] }, { apiKey: [] }],
    tags: resources.map(({ name, description }) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key of the application (`sbk_…`), or the access token of a user.',
        },
        apiKey: {
          type: 'apiKey',
          in: 'header',
          name: 'apikey',
          description: 'An API key of the application (`sbk_…`).',
        },
      },
      headers: {
        'X-Request-Id': header('Identifies the request in the logs.'),
        'RateLimit-Limit': header('Requests that the caller may make in ten seconds.'),
        'RateLimit-Remaining': header('Requests that are left in this window.'),
        'RateLimit-Reset': header('Seconds until the window ends.'),
        [LSN_HEADER]: header(LSN_OF_ANSWER),
      },
      responses: Object.fromEntries([...problems].sort(([one], [other]) => (one < other ? -1 : 1))),
      schemas: components(),
    },
  };
}
