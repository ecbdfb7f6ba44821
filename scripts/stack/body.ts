// Reads the body of a request up to a limit.

import { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';

/** `tooLarge` creates the error for a body of more than `maxBytes`. */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  tooLarge: () => Error,
): Promise<Buffer> {
  // Without a length there is no body; Deno 2.1 never ends the stream of such a request.
  const { headers } = request;
  if (!headers['content-length'] && !headers['transfer-encoding']) return Buffer.alloc(0);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
