// A small shop, so that the example runs without another service. The total of an order is the number in its id.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

function answer(method: string, path: string): unknown {
  if (method === 'GET' && path.startsWith('/orders/')) {
    const id = path.slice('/orders/'.length);
    return { total: Number(/\d+/.exec(id)?.[0] ?? 0), customer: 'Kim' };
  }
  if (method === 'POST' && path === '/shipments') return { tracking: 'T-1' };
  if (method === 'POST' && path === '/declined') return {};
  return undefined;
}

export async function startShop(port = 0): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const body = answer(request.method ?? '', request.url ?? '');
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body ?? { error: 'not found' }));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}
