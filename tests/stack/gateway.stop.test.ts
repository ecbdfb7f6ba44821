// The stack stops at once although clients hold connections: live channels and event streams reconnect elsewhere.

import { expect, test } from 'vitest';
import WebSocket from 'ws';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import { waitFor } from '../support/stack.ts';
import { scaled } from '../support/time.ts';

test('open websockets do not delay the end of the stack', async () => {
  const stack = await startThrowawayStack({ functions: false, web: false });
  const address = stack.info.api_url.replace('http', 'ws');
  const sockets = Array.from(
    { length: 3 },
    () =>
      new WebSocket(
        `${address}/realtime/v1/websocket?apikey=${stack.info.publishable_key}&vsn=1.0.0`,
      ),
  );
  await waitFor('the sockets to open', () =>
    sockets.every(({ readyState }) => readyState === WebSocket.OPEN),
  );
  const began = performance.now();
  await stack.stop();
  expect(performance.now() - began).toBeLessThan(scaled(8_000));
  await waitFor('the sockets to close', () =>
    sockets.every(({ readyState }) => readyState === WebSocket.CLOSED),
  );
});
