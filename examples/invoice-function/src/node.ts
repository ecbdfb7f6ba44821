// The same code on Node: a server with a route for Stepbase and a page of its own.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { Hono } from 'hono';
import { toNodeListener } from 'stepbase/serve';
import { app as components } from '../supabase/functions/render-invoice/app.ts';

const app = new Hono()
  .get('/health', (c) => c.json({ ok: true }))
  .post('/components', (c) => components(c.req.raw));

const server = createServer(toNodeListener(async (request) => await app.fetch(request)));
server.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1', () => {
  const { address, port } = server.address() as AddressInfo;
  console.log(`http://${address}:${port}/components`);
});
