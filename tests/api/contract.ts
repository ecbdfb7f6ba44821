// Checks each answer of the HTTP API against the OpenAPI document: the status is documented, and the body fits its
// schema and has no member that the schema does not name.
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { openApiDocument } from '../../functions/api/openapi.ts';
import { RESOURCES } from '../../functions/api/operations.ts';

type Json = Record<string, unknown>;

export interface Media {
  schema: Json;
}
export interface Reply {
  content?: Record<string, Media>;
  $ref?: string;
}
export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  schema: Json;
}
export interface DocumentedOperation {
  operationId: string;
  tags: string[];
  parameters: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, Media> };
  responses: Record<string, Reply>;
}
interface Document {
  paths: Record<string, Record<string, DocumentedOperation>>;
  components: { schemas: Record<string, Json>; responses: Record<string, Reply> };
}

export const DOCUMENT = openApiDocument(RESOURCES) as unknown as Document;

/** Objects are closed here only: clients must accept further members. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, closed(item)]));
  return 'properties' in copy && !('additionalProperties' in copy)
    ? { ...copy, additionalProperties: false }
    : copy;
}

const ajv = new Ajv2020({ strict: false, allErrors: true });
// The package has the shape of CommonJS.
(addFormats as unknown as typeof addFormats.default)(ajv);
ajv.addSchema({ $id: 'api', components: closed(DOCUMENT.components) as Json });

const validators = new Map<string, ValidateFunction>();

function validatorOf(schema: Json): ValidateFunction {
  const text = JSON.stringify(schema).replaceAll('"#/components/', '"api#/components/');
  const found = validators.get(text);
  if (found) return found;
  const made = ajv.compile(JSON.parse(text) as Json);
  validators.set(text, made);
  return made;
}

const ROUTES = Object.entries(DOCUMENT.paths).map(([template, methods]) => ({
  pattern: new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  literal: !template.includes('{'),
  methods,
}));

/** The operation of a request; undefined for a path or method that the API does not have. */
export function operationOf(method: string, path: string): DocumentedOperation | undefined {
  const found = ROUTES.filter(
    ({ pattern, methods }) => pattern.test(path) && methods[method.toLowerCase()],
  );
  const route = found.find(({ literal }) => literal) ?? found[0];
  return route?.methods[method.toLowerCase()];
}

export interface Received {
  method: string;
  url: string;
  status: number;
  contentType: string | null;
  body: unknown;
}

/** What differs from the document; empty if the answer fits it. */
export function differences({ method, url, status, contentType, body }: Received): string[] {
  const { pathname } = new URL(url);
  const path = pathname.replace(/^.*?\/stepbase-api/, '');
  const operation = operationOf(method, path);
  if (operation === undefined) return [];
  const place = `${operation.operationId} ${status}`;
  const given = operation.responses[status];
  if (given === undefined) return [`${place}: the status is not documented`];
  const reply =
    given.$ref === undefined
      ? given
      : DOCUMENT.components.responses[given.$ref.split('/').at(-1) ?? ''];
  const type = contentType?.split(';')[0]?.trim();
  if (reply?.content === undefined) {
    return type ? [`${place}: a body of type ${type} is not documented`] : [];
  }
  const media = reply.content[type ?? ''];
  if (media === undefined) return [`${place}: the type ${type} is not documented`];
  if (type === 'text/event-stream') return [];
  const validate = validatorOf(media.schema);
  if (validate(body)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) =>
      `${place}: ${instancePath || '/'} ${message} ${JSON.stringify(params)}`,
  );
}

export function expectDocumented(received: Received): void {
  const found = differences(received);
  if (found.length > 0) {
    throw new Error(`the answer differs from the OpenAPI document:\n${found.join('\n')}`);
  }
}
