// The compose files name variables that exist: those of the functions, of the gateway and of .env.example.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { envVariables } from '../../functions/_shared/env/env.ts';
import { GATEWAY_VARIABLES, gatewayOptions } from '../../scripts/stack/gateway-options.ts';
import { ROOT } from '../../scripts/stack/options.ts';

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const development = read('deploy/compose.yaml');
const production = read('deploy/compose.supabase.yaml');

const entriesOf = (text: string) =>
  new Map(
    [...text.matchAll(/^([A-Z0-9_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
  );

/** Names of the variables below a mapping of this indent. */
function environmentOf(text: string, start: RegExp): string[] {
  const lines = text.slice(text.search(start)).split('\n');
  const indent = (line: string) => line.length - line.trimStart().length;
  const own = lines.slice(1);
  const end = own.findIndex((line) => line !== '' && indent(line) <= indent(lines[0] ?? ''));
  return own.slice(0, end).flatMap((line) => /^\s+([A-Z][A-Z0-9_]+): /.exec(line)?.[1] ?? []);
}

const serviceOf = (text: string, name: string) => {
  const service = text.slice(text.search(new RegExp(`^ {2}${name}:$`, 'm')));
  return service.slice(0, service.search(/\n\n/) + 2);
};

describe('compose.yaml', () => {
  test('gives the gateway variables that it reads, and every one that it needs', () => {
    const given = environmentOf(serviceOf(development, 'gateway'), /^ {4}environment:/m);
    expect(given.filter((name) => !GATEWAY_VARIABLES.includes(name))).toEqual([]);
    const required = GATEWAY_VARIABLES.filter((name) => {
      const some = Object.fromEntries(GATEWAY_VARIABLES.map((each) => [each, 'x'.repeat(40)]));
      const valid = { ...some, DATABASE_URL: 'postgres://a@b/c', REDIS_URL: 'redis://r:1' };
      const options = { SUPABASE_PUBLIC_URL: '', SITE_URL: '', STEPBASE_API_ADDRESS: '' };
      const rest = { STEPBASE_WORKER_ADDRESS: '', STEPBASE_SEED: '', PORT: '', SMTP_URL: '' };
      const env = { ...valid, ...options, ...rest };
      expect(() => gatewayOptions(env)).not.toThrow();
      try {
        gatewayOptions({ ...env, [name]: '' });
        return false;
      } catch {
        return true;
      }
    });
    expect(required.filter((name) => !given.includes(name))).toEqual([]);
  });

  test('reads only variables of deploy/.env.example', () => {
    const example = entriesOf(read('deploy/.env.example'));
    const used = [...development.matchAll(/\$\{([A-Z0-9_]+)/g)].map(([, name = '']) => name);
    expect(used.filter((name) => !example.has(name))).toEqual([]);
  });

  test('publishes ports on loopback only', () => {
    const published = [...development.matchAll(/ports: \["([^"]*)"\]/g)].map(([, port]) => port);
    expect(published.length).toBeGreaterThan(2);
    for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:/);
  });
});

test.each([
  ['compose.yaml', development],
  ['compose.supabase.yaml', production],
])('%s gives the functions variables that they read', (_, text) => {
  const given = environmentOf(text, /^x-function-environment:/m);
  expect(given).toContain('DATABASE_URL');
  expect(given.filter((name) => !(name in envVariables))).toEqual([]);
});

test('both files pin every image that they do not build', () => {
  for (const text of [development, production]) {
    const images = [...text.matchAll(/^ {4}image: (\S+)$/gm)].map(([, image = '']) => image);
    const foreign = images.filter((image) => !image.startsWith('stepbase-'));
    for (const image of foreign) expect(image).toMatch(/:\d+\.\d+/);
  }
  expect(development).toMatch(/image: postgres:18\./);
  expect(development).toMatch(/image: redis:8\./);
});

describe('make-env.sh', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'stepbase-env-'));
    for (const name of ['make-env.sh', '.env.example']) {
      cpSync(join(ROOT, 'deploy', name), join(folder, name));
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const make = () => execFileSync('sh', [join(folder, 'make-env.sh')], { stdio: 'pipe' });
  const made = () => readFileSync(join(folder, '.env'), 'utf8');

  test('fills every secret that compose.yaml requires, differently each time, for the owner only', () => {
    make();
    const first = entriesOf(made());
    const required = [...development.matchAll(/\$\{([A-Z0-9_]+):\?/g)].map(([, name = '']) => name);
    expect(new Set(required).size).toBeGreaterThanOrEqual(5);
    for (const name of required) expect(first.get(name), name).toMatch(/^[A-Za-z0-9_]{32,}$/);
    expect(statSync(join(folder, '.env')).mode & 0o077).toBe(0);
    rmSync(join(folder, '.env'));
    make();
    const second = entriesOf(made());
    for (const name of required) expect(second.get(name)).not.toBe(first.get(name));
    // The gateway accepts them.
    const env = { ...Object.fromEntries(second), DATABASE_URL: 'postgres://a@b/c' };
    expect(() => gatewayOptions(env)).not.toThrow();
  });

  test('keeps an existing file', () => {
    const before = made();
    make();
    expect(made()).toBe(before);
  });
});

test.each([
  ['compose.yaml', development],
  ['compose.supabase.yaml', production],
])(
  'in %s the functions connect as stepbase_worker, not with the password of postgres',
  (_, text) => {
    const start = text.search(/^x-function-environment:/m);
    const functions = text.slice(start, text.indexOf('\n\n', start));
    expect(functions).toMatch(/DATABASE_URL: postgres:\/\/stepbase_worker:/);
    expect(functions).not.toContain('POSTGRES_PASSWORD');
  },
);
