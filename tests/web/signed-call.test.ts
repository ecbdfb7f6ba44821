// The commands that the page of a webhook shows sign a call as the server expects, by every scheme.

import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import {
  deliveryId,
  readCalls,
  SCHEMES,
  verifiedCall,
} from '../../functions/api/webhooks/calls.ts';
import { signedCall } from '../../web/src/triggers/signed-call.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

test.for(SCHEMES.map(({ name }) => name))('the command of %s is accepted', async (scheme) => {
  const server = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk as Uint8Array);
    const body = new Uint8Array(Buffer.concat(chunks));
    try {
      const headers = new Headers(request.headers as Record<string, string>);
      const call = await verifiedCall(readCalls(headers, new Date()), body, async () => [SECRET]);
      const id = await deliveryId(call, body);
      response.end(
        JSON.stringify({ scheme: call.scheme.name, id, body: JSON.parse(`${Buffer.from(body)}`) }),
      );
    } catch (error) {
      response.end(JSON.stringify({ refused: String(error) }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const command = signedCall(scheme, `http://127.0.0.1:${port}/hooks/x`) ?? '';
  const { stdout } = await promisify(execFile)('bash', ['-c', command.replace('…', SECRET)]);
  expect(JSON.parse(stdout)).toEqual({
    scheme,
    id: expect.stringMatching(/^(test[-_]|evt_test_|Ev)\d+$/),
    body: expect.any(Object),
  });
});
