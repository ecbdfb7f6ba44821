// A function may respond before it has read the request: the gateway discards the rest of the request, so that the
// next request on the same connection is served.

import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { inbox, stackInfo } from '../support/stack.ts';

test('a connection serves the next request after an unread body was refused', async () => {
  const { hostname, port, host } = new URL(stackInfo().api_url);
  const socket = connect(Number(port), hostname);
  const received = inbox<string>();
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString();
    received.push(text);
  });
  socket.on('error', (error) => received.push(String(error)));
  const answers = (count: number) => (all: string) =>
    (all.match(/HTTP\/1\.1 \d{3}/g) ?? []).length >= count;
  try {
    // Larger than the buffers between the test and the function.
    const body = 'x'.repeat(8_000_000);
    socket.write(
      `POST /functions/v1/stepbase-api/hooks/${randomUUID()} HTTP/1.1\r\nhost: ${host}\r\n` +
        `content-type: text/plain\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    expect(await received.next('the refusal', answers(1))).toContain('HTTP/1.1 413');
    socket.write(`GET /functions/v1/stepbase-api/healthz HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    expect(await received.next('the next answer', answers(2))).toContain('HTTP/1.1 200');
  } finally {
    socket.destroy();
  }
});
