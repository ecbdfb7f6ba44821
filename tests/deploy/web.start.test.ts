// The start of the web client's container: what it writes, what it refuses, and what Caddy serves.

import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../../scripts/stack/options.ts';
import { findFreePorts } from '../../scripts/stack/ports.ts';
import { type Running, startImage } from '../support/dockerfile.ts';
import { waitFor } from '../support/stack.ts';

const KEY = 'sb_publishable_abc_123';
const CADDY = ['/usr/bin/caddy', '/usr/local/bin/caddy'].filter((path) => existsSync(path));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'stepbase-web-image-'));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'app', 'dist', 'assets'), { recursive: true });
  for (const name of ['start.sh', 'Caddyfile']) {
    cpSync(join(ROOT, 'deploy', 'web', name), join(folder, 'app', name));
  }
  writeFileSync(join(folder, 'app', 'dist', 'index.html'), '<html>page</html>');
  writeFileSync(join(folder, 'app', 'dist', 'config.js'), '// of the build');
  writeFileSync(join(folder, 'app', 'dist', 'assets', 'app-1a2b.js'), 'export {};');
  // Instead of the server: what it would get.
  mkdirSync(join(folder, 'bin'));
  writeFileSync(
    join(folder, 'bin', 'caddy'),
    '#!/bin/sh\ncat "$STEPBASE_CONFIG_DIR/config.js"\necho "$STEPBASE_URL $STEPBASE_WS_URL"\n',
    { mode: 0o755 },
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const start = (env: Record<string, string>) =>
  spawnSync('sh', ['start.sh'], {
    cwd: join(folder, 'app'),
    env: { PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, ...env },
    encoding: 'utf8',
  });

describe('start.sh', () => {
  test.each([
    { SUPABASE_PUBLIC_URL: 'https://ref.supabase.co/', SUPABASE_PUBLISHABLE_KEY: KEY },
    { VITE_SUPABASE_URL: 'https://ref.supabase.co', VITE_SUPABASE_PUBLISHABLE_KEY: KEY },
    {
      VITE_API_URL: 'https://ref.supabase.co/functions/v1/stepbase-api',
      VITE_SUPABASE_ANON_KEY: KEY,
    },
  ])('writes the settings of the client from %j', (env) => {
    const { stdout, stderr } = start(env);
    expect(stderr).toBe('');
    const [script = '', addresses] = stdout.split('\n');
    expect(JSON.parse(script.replace(/^window\.__STEPBASE__ = (.*);$/, '$1'))).toEqual({
      api_url: 'https://ref.supabase.co',
      publishable_key: KEY,
    });
    expect(addresses).toBe('https://ref.supabase.co wss://ref.supabase.co');
  });

  test.each([
    [{ SUPABASE_PUBLISHABLE_KEY: KEY }, 'SUPABASE_PUBLIC_URL must be'],
    [{ SUPABASE_PUBLIC_URL: 'ref.supabase.co' }, 'SUPABASE_PUBLIC_URL must be'],
    [{ SUPABASE_PUBLIC_URL: 'https://a"};alert(1)//' }, 'contains a character'],
    [{ SUPABASE_PUBLIC_URL: 'https://a; script-src *' }, 'contains a character'],
    [{ SUPABASE_PUBLIC_URL: 'https://a\nb' }, 'contains a character'],
    [{ SUPABASE_PUBLIC_URL: 'https://a.example' }, 'SUPABASE_PUBLISHABLE_KEY must be'],
    [
      { SUPABASE_PUBLIC_URL: 'https://a.example', SUPABASE_PUBLISHABLE_KEY: "k'</script>" },
      'SUPABASE_PUBLISHABLE_KEY must be',
    ],
    [
      { SUPABASE_PUBLIC_URL: 'https://a.example', SUPABASE_PUBLISHABLE_KEY: 'sb_secret_abc' },
      'is a secret key',
    ],
  ])('refuses %j', (env, message) => {
    const { status, stdout, stderr } = start(env as Record<string, string>);
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
  });
});

describe.each(CADDY)('served by %s', (caddy) => {
  let server: Running;
  let origin: string;
  beforeAll(async () => {
    const port = await findFreePorts();
    const bin = join(folder, 'real');
    mkdirSync(bin);
    execFileSync('ln', ['-s', caddy, join(bin, 'caddy')]);
    server = startImage(
      {
        root: folder,
        workdir: '/app',
        env: { XDG_CONFIG_HOME: '/tmp', XDG_DATA_HOME: '/tmp', PORT: String(port) },
        user: '1000:1000',
        entrypoint: [],
        command: ['sh', 'start.sh'],
        healthcheck: [],
      },
      bin,
      { SUPABASE_PUBLIC_URL: 'https://ref.supabase.co', SUPABASE_PUBLISHABLE_KEY: KEY },
    );
    origin = `http://127.0.0.1:${port}`;
    await waitFor('the web client', () =>
      fetch(`${origin}/healthz`).then(
        (response) => response.ok,
        () => false,
      ),
    ).catch((error: unknown) => {
      throw new Error(server.output(), { cause: error });
    });
  });
  afterAll(() => server.stop());

  test('every path of the router is the page, with the policy', async () => {
    for (const path of ['/', '/runs/0199', '/sign-in?next=%2Fruns']) {
      const response = await fetch(`${origin}${path}`);
      expect(response.status).toBe(200);
      expect(await response.text()).toBe('<html>page</html>');
      expect(response.headers.get('cache-control')).toBe('no-cache');
      const policy = response.headers.get('content-security-policy') ?? '';
      expect(policy).toContain("connect-src 'self' https://ref.supabase.co wss://ref.supabase.co;");
      expect(policy).toContain("script-src 'self';");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(response.headers.get('strict-transport-security')).toBe('max-age=31536000');
      expect(response.headers.get('server')).toBeNull();
    }
  });

  test('the settings are those of the start, not of the build, and are not cached', async () => {
    const response = await fetch(`${origin}/config.js`);
    expect(await response.text()).toContain('"api_url":"https://ref.supabase.co"');
    expect(response.headers.get('content-type')).toMatch(/^text\/javascript/);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  test('files with a hash in their name are kept, missing files are 404', async () => {
    const asset = await fetch(`${origin}/assets/app-1a2b.js`);
    expect(await asset.text()).toBe('export {};');
    expect(asset.headers.get('cache-control')).toContain('immutable');
    const missing = await fetch(`${origin}/assets/app-0000.js`);
    expect(missing.status).toBe(404);
    expect(missing.headers.get('cache-control') ?? '').not.toContain('immutable');
    expect((await fetch(`${origin}/missing.png`)).status).toBe(404);
  });
});
