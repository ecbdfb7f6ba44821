// Replies of Redis as the JSON of the REST API: strings as they are, or in base64 where the client
// asked for that, as the SDK does.

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
  // The one string that is never encoded: clients look for it as it is.
  return base64 && text !== 'OK' ? bytes.toString('base64') : text;
}
