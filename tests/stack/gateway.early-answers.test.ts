// A function may answer before it has read a request: what is left of the request is read and thrown
// away, so that the next one on the same connection gets its turn.

import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { inbox, stackInfo } from '../support/stack.ts';

test('after a body that was refused unread the connection serves the next request', async () => {
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
    // Larger than what the buffers between here and the function hold.
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
