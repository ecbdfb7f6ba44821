// Replies of Redis as JSON of the REST API: strings unchanged, or in base64 if the client requests it, as the SDK
// does.

export type JsonReply = { result: unknown } | { error: string };

export function encodeReply(reply: unknown, base64: boolean): JsonReply {
  if (reply instanceof Error) return { error: reply.message };
  return { result: encodeValue(reply, base64) };
}

function encodeValue(value: unknown, base64: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => encodeValue(item, base64));
  if (value instanceof Error) return encodeValue(value.message, base64);
  if (typeof value === 'bigint') return Number(value);
  const bytes = Buffer.isBuffer(value)
    ? value
    : typeof value === 'string'
      ? Buffer.from(value)
      : null;
  if (bytes === null) return value ?? null;
  const text = bytes.toString('utf8');
  // The only string that is never encoded, because clients compare it literally.
  return base64 && text !== 'OK' ? bytes.toString('base64') : text;
}
