// The JSON API of a shop: orders, an echo, and endpoints that fail, delay, redirect or send large answers on demand.

import { orderOf, recentOrders } from '../world/orders.ts';
import { type HttpServer, type Received, type Reply, serveHttp } from './http.ts';
import { Recorder } from './recorder.ts';

export interface Shop extends HttpServer {
  requests: Recorder<Received>;
}

/**
 * `latencyMs` simulates a network; on loopback a run would end before a person could watch it. Each answer waits until
 * `hold` resolves for its request.
 */
export async function startShop(
  latencyMs = 0,
  hold: (request: Received) => Promise<void> = async () => undefined,
): Promise<Shop> {
  const requests = new Recorder<Received>('request to the shop');
  const failures = new Map<string, number>();
  const server = await serveHttp(async (request) => {
    requests.add(request);
    await hold(request);
    return { delayMs: latencyMs, ...route(request, failures) };
  });
  return { ...server, requests };
}

function route(request: Received, failures: Map<string, number>): Reply {
  const [, area = '', id = ''] = request.path.split('/');
  const { query } = request;
  switch (area) {
    case 'orders':
      return order(request, id);
    case 'echo':
      return { body: request };
    case 'flaky':
      return flaky(id, Number(query.fail ?? 1), Number(query.status ?? 503), failures);
    case 'slow':
      return {
        delayMs: Number(query.ms ?? 1_000),
        body: { slept_ms: Number(query.ms ?? 1_000) },
      };
    case 'status':
      return {
        status: Number(id),
        body: { status: Number(id) },
        headers: query.retry_after ? { 'retry-after': query.retry_after } : {},
      };
    case 'large':
      return {
        raw: 'x'.repeat(Number(query.bytes ?? 1_000_000)),
        headers: {
          'content-type': 'text/plain',
          ...(query.chunked ? { 'transfer-encoding': 'chunked' } : {}),
        },
      };
    case 'redirect':
      return {
        status: Number(query.status ?? 302),
        headers: { location: query.to ?? '/echo' },
      };
    case 'broken-json':
      return { raw: '{"half": ', headers: { 'content-type': 'application/json' } };
    default:
      return { status: 404, body: { error: 'not_found' } };
  }
}

function order(request: Received, id: string): Reply {
  if (request.method === 'POST' && id === '') {
    return { status: 201, body: { id: '2001', received: request.body } };
  }
  if (request.method === 'GET' && id === '') return { body: recentOrders() };
  if (request.method !== 'GET') return { status: 405, body: { error: 'method_not_allowed' } };
  if (!/^\d{1,9}$/.test(id)) return { status: 404, body: { error: 'order_not_found' } };
  return { body: orderOf(id) };
}

function flaky(key: string, fail: number, status: number, failures: Map<string, number>): Reply {
  const seen = (failures.get(key) ?? 0) + 1;
  failures.set(key, seen);
  return seen <= fail
    ? { status, body: { error: 'try_again', attempt: seen } }
    : { body: { ok: true, attempts: seen } };
}
