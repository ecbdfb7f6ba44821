// `npm start` from outside: its output and files, and that after its end only the data remains.

import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { createStackClient } from '../../scripts/stack/client.ts';
import { DEFAULT_SENDER } from '../../scripts/stack/mail/settings.ts';
import { findFreePorts } from '../../scripts/stack/ports.ts';
import { SEED_USERS } from '../../scripts/stack/seed-users.ts';
import type { StackInfo } from '../../scripts/stack/stack.ts';
import { client, signedIn, stackInfo, waitFor } from '../support/stack.ts';
import { alive, dataDir, descendants, npmStart, ready, type Started, start } from './support.ts';

const DEFINITION = {
  nodes: [
    {
      id: 'one',
      type: 'transform',
      position: { x: 0, y: 0 },
      data: { config: { expression: '1' } },
    },
  ],
  edges: [],
};

describe('a stack', () => {
  let folder: string;
  let port: string;
  let stack: Started;
  let info: StackInfo;

  beforeAll(async () => {
    folder = await dataDir();
    port = String(await findFreePorts());
    stack = start('--port', port, '--data', folder);
    info = await ready(stack, folder);
  });

  test('prints its addresses, its keys and every login', () => {
    const output = stack.output();
    for (const shown of [
      info.api_url,
      info.web_url,
      new URL(info.world?.shop_url ?? '').origin,
      info.db_url,
      info.publishable_key,
      info.secret_key,
      ...SEED_USERS.map(({ email }) => email),
      'stepbase-demo',
    ]) {
      expect(output).toContain(shown);
    }
  });

  test('writes stack.json with every documented key, readable only by its owner', () => {
    expect(Object.keys(info)).toEqual(
      expect.arrayContaining([
        'api_url',
        'http_api_url',
        'schema',
        'db_url',
        'redis_url',
        'web_url',
        'mail_url',
        'world',
        'publishable_key',
        'secret_key',
        'users',
      ]),
    );
    expect(info.users[0]).toEqual({
      email: 'admin@acme.example',
      password: 'stepbase-demo',
      app_code: 'acme',
      role: 'admin',
    });
    expect(info.publishable_key).toMatch(/^sb_publishable_[\w-]{22}_[\w-]{8}$/);
    expect(info.secret_key).toMatch(/^sb_secret_[\w-]{22}_[\w-]{8}$/);
    for (const name of ['stack.json', 'keys.json', 'worker.env']) {
      expect(statSync(join(folder, name)).mode & 0o077).toBe(0);
    }
  });

  test('writes worker.env for workers outside the stack', () => {
    const env = parseEnv(readFileSync(join(folder, 'worker.env'), 'utf8'));
    expect(new URL(env.DATABASE_URL ?? '').username).toBe('stepbase_worker');
    expect(env).toMatchObject({
      SUPABASE_URL: info.api_url,
      SUPABASE_SECRET_KEY: info.secret_key,
      OPENAI_BASE_URL: info.world?.model_url,
      SMTP_FROM: DEFAULT_SENDER,
    });
  });

  test('keeps its data and its logs from other accounts', () => {
    const logs = join(folder, 'logs');
    const files = readdirSync(logs);
    expect(files).toContain('postgres.log');
    for (const path of [logs, ...files.map((name) => join(logs, name))]) {
      expect([path, statSync(path).mode & 0o077]).toEqual([path, 0]);
    }
    // The account of PostgreSQL may pass through the folder, but not list it.
    expect(statSync(folder).mode & 0o066).toBe(0);
  });

  test('runs beside another stack, and neither accepts the keys and tokens of the other', async () => {
    const [here, there] = await Promise.all([
      signedIn('admin@acme', info),
      signedIn('admin@acme', stackInfo()),
    ]);
    const [mine, theirs] = await Promise.all([
      here.from('workflows').select('kebab_name').limit(1),
      there.from('workflows').select('kebab_name').limit(1),
    ]);
    expect([mine.status, theirs.status]).toEqual([200, 200]);
    const wrongKey = await client(info, stackInfo().publishable_key).from('workflows').select();
    expect(wrongKey.status).toBe(401);
    const { data } = await there.auth.getSession();
    const foreign = createStackClient(info, {
      accessToken: async () => data.session?.access_token ?? '',
    });
    expect((await foreign.from('workflows').select()).status).toBe(401);
  });

  test('refuses a second start on its port, with one line and exit code 1', async () => {
    const second = start('--port', port, '--data', await dataDir());
    expect(await second.exit).toEqual({ code: 1, signal: null });
    expect(second.output().trim().split('\n')).toHaveLength(1);
    expect(second.output()).toContain(`Port ${port} (the API gateway) is already in use`);
  });

  test('refuses a second start on its data, with one line and exit code 1', async () => {
    const second = start('--port', String(await findFreePorts()), '--data', folder);
    expect(await second.exit).toEqual({ code: 1, signal: null });
    expect(second.output().trim().split('\n')).toHaveLength(1);
    expect(second.output()).toContain(`A stack already runs on ${folder} (process ${stack.pid})`);
  });

  test('leaves no process after Ctrl-C, and the next start finds the data, keys and sessions', async () => {
    const before = await signedIn('developer@acme', info);
    const name = `kept-over-restarts`;
    const saved = await before.rpc('save_workflow', { kebab_name: name, definition: DEFINITION });
    expect(saved.error).toBeNull();
    const below = descendants(stack.pid);
    expect(below.length).toBeGreaterThanOrEqual(3);

    stack.kill('SIGINT');
    expect(await stack.exit).toEqual({ code: 0, signal: null });
    await waitFor('no process is left', () => alive(below).length === 0);
    for (const name of ['stack.json', 'worker.env']) {
      expect(existsSync(join(folder, name))).toBe(false);
    }

    stack = start('--port', port, '--data', folder);
    const again = await ready(stack, folder);
    expect({ ...again, pid: 0 }).toEqual({ ...info, pid: 0 });
    info = again;
    const { data, error } = await before
      .from('workflows')
      .select('kebab_name')
      .eq('kebab_name', name);
    expect({ data, error }).toEqual({ data: [{ kebab_name: name }], error: null });
    expect((await before.auth.refreshSession()).error).toBeNull();
  });

  test('leaves no process after SIGKILL of the supervisor, and the next start continues', async () => {
    const below = descendants(stack.pid);
    stack.kill('SIGKILL');
    await stack.exit;
    await waitFor('no process is left', () => alive(below).length === 0, 20_000);

    stack = start('--port', port, '--data', folder);
    info = await ready(stack, folder);
    expect((await signedIn('viewer@acme', info)).auth).toBeDefined();
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'leaves no process after %s to npm',
    async (signal) => {
      stack.kill('SIGTERM');
      await stack.exit;
      stack = npmStart('--port', port, '--data', folder);
      await ready(stack, folder);
      const below = descendants(stack.pid);
      expect(below.length).toBeGreaterThanOrEqual(5);
      stack.kill(signal);
      await stack.exit;
      await waitFor('no process is left', () => alive(below).length === 0, 30_000);
      expect(existsSync(join(folder, 'stack.json'))).toBe(false);
    },
  );

  test('does not start if an applied migration was changed, and the error states the remedy', async () => {
    const memory = join(folder, 'migrations.json');
    const applied = JSON.parse(readFileSync(memory, 'utf8')) as Record<string, string>;
    const [version = ''] = Object.keys(applied);
    writeFileSync(memory, JSON.stringify({ ...applied, [version]: 'other content' }));

    const refused = start('--port', port, '--data', folder);
    expect(await refused.exit).toEqual({ code: 1, signal: null });
    expect(refused.output()).toMatch(new RegExp(`supabase/migrations/${version}_.* changed after`));
    expect(refused.output()).toContain('--reset');

    stack = start('--port', port, '--data', folder, '--reset');
    info = await ready(stack, folder);
    const { data } = await (await signedIn('admin@acme', info))
      .from('workflows')
      .select('kebab_name')
      .eq('kebab_name', 'kept-over-restarts');
    expect(data).toEqual([]);
  });
});

describe('a start that is refused', () => {
  test('reports a taken port, whichever it is', async () => {
    const first = await findFreePorts();
    const squatter = createServer().listen(first + 3, '127.0.0.1');
    try {
      const refused = start('--port', String(first), '--data', await dataDir());
      expect(await refused.exit).toEqual({ code: 1, signal: null });
      expect(refused.output()).toContain(`Port ${first + 3} (Upstash Redis) is already in use`);
    } finally {
      squatter.close();
    }
  });

  test('reports an unknown argument, an invalid port, and a reset of a folder without a stack', async () => {
    const stranger = await dataDir();
    writeFileSync(join(stranger, 'thesis.txt'), 'years of work');
    const cases: Array<[string[], string]> = [
      [['--prot', '1'], '--prot'],
      [['--port', 'abc'], '--port must be a whole number'],
      [['--data', stranger, '--reset'], 'it contains no stack'],
    ];
    for (const [args, message] of cases) {
      const refused = start(...args);
      expect(await refused.exit).toEqual({ code: 1, signal: null });
      expect(refused.output()).toContain(message);
    }
    expect(existsSync(join(stranger, 'thesis.txt'))).toBe(true);
  });
});
