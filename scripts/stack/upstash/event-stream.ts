// A subscription over HTTP: server-sent events in the format of Upstash. A client that does not read them is
// disconnected.

import type { ServerResponse } from 'node:http';
import { limits } from './limits.ts';
import type { RedisBackend } from './redis-backend.ts';

export async function streamSubscription(
  backend: RedisBackend,
  response: ServerResponse,
  kind: 'subscribe' | 'psubscribe',
  names: string[],
): Promise<void> {
  const send = (line: string): void => {
    if (response.writableLength > limits.unreadBytes) response.destroy();
    else response.write(`data: ${line.replaceAll('\n', '\ndata: ')}\n\n`);
  };
  let live = false;
  const early: string[] = [];
  // One subscription for each name: for a pattern, Redis reports the channel, not the pattern that matched.
  const ends = await Promise.all(
    names.map(async (name) => {
      return await backend.subscribe(kind, [name], (channel, message) => {
        const line =
          kind === 'subscribe'
            ? `message,${channel},${message}`
            : `pmessage,${name},${channel},${message}`;
        if (live) send(line);
        else if (early.length < limits.commands) early.push(line);
      });
    }),
  );
  const keepAlive = setInterval(() => response.write(': keep-alive\n\n'), limits.keepAliveMs);
  const end = (): void => {
    clearInterval(keepAlive);
    for (const unsubscribe of ends) unsubscribe();
  };
  if (response.destroyed) {
    end();
    return;
  }
  response.on('close', end);
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache',
    'x-accel-buffering': 'no',
  });
  for (const [index, name] of names.entries()) send(`${kind},${name},${index + 1}`);
  live = true;
  for (const line of early) send(line);
}
