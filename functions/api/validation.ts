// Validates requests at the edge: JSON bodies, path parameters and query parameters, with zod.
import type { Context } from 'hono';
import { z } from 'zod';
import { AppError } from '../_shared/errors/index.ts';
import { isJsonType, parseJsonBody } from './json-body.ts';

function issues(error: z.ZodError): { path: string; message: string }[] {
  return error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
}

/** The body, parsed by `schema`; a missing body counts as an empty object. */
export async function readBody<T>(c: Context, schema: z.ZodType<T>): Promise<T> {
  const text = await c.req.text();
  let value: unknown = {};
  if (text !== '') {
    if (!isJsonType(c.req.header('content-type'))) {
      throw new AppError('unsupported_media_type', 'Send JSON with content-type application/json');
    }
    value = parseJsonBody(text);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new AppError('invalid_request', 'The body is not valid', {
    extra: { errors: issues(parsed.error) },
  });
}

const UUID = z.uuid();
const TEXT = z.string().min(1).max(255);

/** The schema of a path parameter: that of the operation, or else a UUID for `…_id` and text for the others. */
export function paramSchema(
  name: string,
  given: Readonly<Record<string, z.ZodType>> | undefined,
): z.ZodType {
  return given?.[name] ?? (name.endsWith('_id') ? UUID : TEXT);
}

export const paramNames = (path: string): string[] =>
  [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);

/** The path parameters as text, each valid. */
export function readParams(
  c: Context,
  { path, params }: { path: string; params?: Readonly<Record<string, z.ZodType>> },
): Record<string, string> {
  return Object.fromEntries(
    paramNames(path).map((name) => {
      const value = c.req.param(name) ?? '';
      if (!paramSchema(name, params).safeParse(value).success) {
        const what = name.endsWith('_id') ? 'a UUID' : 'valid';
        throw new AppError('invalid_request', `${name} is not ${what}`, {
          extra: { errors: [{ path: name, message: `not ${what}` }] },
        });
      }
      return [name, value];
    }),
  );
}

export function readUuid(c: Context, name: string): string {
  return readParams(c, { path: `:${name}`, params: { [name]: UUID } })[name] ?? '';
}

/** The query parameters; one that the operation does not have is refused. */
export function readQuery<T extends z.ZodObject>(c: Context, schema: T): z.output<T> {
  const parsed = schema.safeParse(c.req.query());
  if (parsed.success) return parsed.data;
  throw new AppError('invalid_request', 'The query parameters are not valid', {
    extra: { errors: issues(parsed.error) },
  });
}

/** The idempotency key from the body or the header Idempotency-Key; if both have one, they must be equal. */
export function readIdempotencyKey(c: Context, given: string | undefined): string | undefined {
  const header = c.req.header('idempotency-key');
  if (header !== undefined && given !== undefined && header !== given) {
    throw new AppError(
      'invalid_request',
      'The header and the body have different idempotency keys',
    );
  }
  return given ?? header;
}
