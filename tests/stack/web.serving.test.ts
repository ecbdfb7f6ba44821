// The stack serves the built web client: configured, routed, cached, and no file outside its folder.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findFreePorts } from '../../scripts/stack/ports.ts';
import { startWeb, type WebServer } from '../../scripts/stack/web.ts';

const LARGE = `export const text = '${'compressible '.repeat(1_000)}';`;

let parent: string;
let server: WebServer;
let port: number;

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'stepbase-web-'));
  const folder = join(parent, 'build');
  await mkdir(join(folder, 'assets'), { recursive: true });
  await writeFile(join(folder, 'index.html'), '<html><head></head><body></body></html>');
  await writeFile(join(folder, 'assets', 'app-1a2b.js'), 'export {};');
  await writeFile(join(folder, 'assets', 'large-3c4d.js'), LARGE);
  await writeFile(join(parent, 'secret.json'), '{}');
  port = await findFreePorts();
  server = await startWeb({
    port,
    folder,
    apiUrl: 'http://127.0.0.1:1/</script>$&',
    publishableKey: 'sb_publishable_x',
  });
});
afterAll(async () => {
  await server.stop();
  await rm(parent, { recursive: true, force: true });
});

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  bytes: Buffer;
  body: string;
}

/** Unlike fetch, sends the path unchanged and does not decompress. */
function get(path: string, method = 'GET', sent: Record<string, string> = {}) {
  return new Promise<Answer>((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port, path, method, headers: sent },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const bytes = Buffer.concat(chunks);
          const { statusCode: status = 0, headers } = response;
          resolve({ status, headers, bytes, body: bytes.toString() });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.setTimeout(5_000, () => outgoing.destroy(new Error('no answer')));
    outgoing.end();
  });
}

test('every path of the router is the page, and config.js has this stack’s configuration', async () => {
  for (const path of ['/', '/runs/0199', '/index.html', '/sign-in?next=%2Fruns']) {
    const page = await get(path);
    expect(page.status).toBe(200);
    expect(page.headers['cache-control']).toBe('no-store');
    expect(page.body).toContain('<html>');
  }
  const config = await get('/config.js');
  expect(config.headers).toMatchObject({
    'content-type': 'text/javascript; charset=utf-8',
    'cache-control': 'no-store',
  });
  expect(config.body).toContain('window.__STEPBASE__={"api_url":');
  expect(config.body).toContain('"publishable_key":"sb_publishable_x"');
});

test('files of the build can be cached without a limit; missing ones are 404 and not the page', async () => {
  const asset = await get('/assets/app-1a2b.js');
  expect(asset).toMatchObject({ status: 200, body: 'export {};' });
  expect(asset.headers['content-type']).toMatch(/^text\/javascript/);
  expect(asset.headers['cache-control']).toContain('immutable');
  expect((await get('/assets/app-0000.js')).status).toBe(404);
});

test('text is compressed as the client accepts it', async () => {
  const path = '/assets/large-3c4d.js';
  for (const [accepted, encoding, read] of [
    ['gzip, deflate, br, zstd', 'br', brotliDecompressSync],
    ['br;q=0, gzip;q=0.5', 'gzip', gunzipSync],
  ] as const) {
    const { headers, bytes } = await get(path, 'GET', { 'accept-encoding': accepted });
    expect(headers).toMatchObject({
      'content-encoding': encoding,
      vary: 'accept-encoding',
      'cache-control': 'public, max-age=31536000, immutable',
    });
    expect(bytes.length).toBeLessThan(LARGE.length / 10);
    expect(read(bytes).toString()).toBe(LARGE);
  }
  const plain = await get(path);
  expect([plain.headers['content-encoding'], plain.body]).toEqual([undefined, LARGE]);
});

test('files outside the build, invalid paths and other methods are refused', async () => {
  for (const path of ['/../secret.json', '/%2e%2e/secret.json', '/assets/../../secret.json']) {
    expect((await get(path)).status).toBe(404);
  }
  expect((await get('/%zz')).status).toBe(400);
  expect((await get('/', 'POST')).status).toBe(405);
});

test('every answer has the security headers, and the policy allows the page’s own script only', async () => {
  for (const [path, method] of [
    ['/', 'GET'],
    ['/assets/app-1a2b.js', 'GET'],
    ['/assets/app-0000.js', 'GET'],
    ['/%zz', 'GET'],
    ['/', 'POST'],
  ] as const) {
    const { headers } = await get(path, method);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
    });
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
  }
  const { headers, body } = await get('/');
  // Every script is a file of this server.
  expect(body).not.toMatch(/<script>/);
  const policy = String(headers['content-security-policy']).split('; ');
  expect(policy).toContain("script-src 'self'");
  expect(policy).toContain("connect-src 'self' http://127.0.0.1:1 ws://127.0.0.1:1");
  expect(policy).toContain("default-src 'none'");
});
