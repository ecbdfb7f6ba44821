// `npm run bridge`: the bridge as a process, with /healthz and /readyz. SIGINT and SIGTERM stop it cleanly.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLog } from '../../functions/_shared/log/log.ts';
import { startBridge } from './bridge.ts';
import { type BridgeEnv, BridgeEnvError, readEnv } from './env.ts';

function environment(): BridgeEnv {
  try {
    return readEnv(process.env);
  } catch (error) {
    if (!(error instanceof BridgeEnvError)) throw error;
    console.error(`The bridge cannot start:\n${error.message}`);
    process.exit(1);
  }
}

const env = environment();
const log = createLog({ level: env.logLevel, fields: { function: 'bridge' } });
const bridge = startBridge(env, log);

const server = createServer(async (request, response) => {
  const answer = (status: number, body: object) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  if (request.url === '/healthz') return answer(200, { status: 'ok' });
  if (request.url !== '/readyz') return answer(404, { status: 'not_found' });
  const { isReady, ...state } = await bridge.state();
  return answer(isReady ? 200 : 503, { status: isReady ? 'ready' : 'not_ready', ...state });
});
server.once('error', ({ message }) => {
  log.error('the health checks cannot listen; set BRIDGE_PORT to a free port', { error: message });
  void bridge.stop().then(() => process.exit(1));
});
server.listen(env.port, env.host, () => {
  log.info('the health checks listen', { port: (server.address() as AddressInfo).port });
});

let isStopping = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (isStopping) process.exit(1);
    isStopping = true;
    log.info('stopping', { signal });
    server.close();
    void bridge.stop().then(() => process.exit(0));
  });
}
