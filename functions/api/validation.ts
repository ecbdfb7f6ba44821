// Validates requests at the edge: JSON bodies and path parameters, with zod.
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

export function readUuid(c: Context, name: string): string {
  const parsed = z.uuid().safeParse(c.req.param(name));
  if (parsed.success) return parsed.data;
  throw new AppError('invalid_request', `${name} is not a UUID`, {
    extra: { errors: [{ path: name, message: 'not a UUID' }] },
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
