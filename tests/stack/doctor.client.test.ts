// `npm run doctor`: what only a client can see, each fault made once. supabase/tests/maintenance/doctor.test.sql breaks
// what the RPC checks.

import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkDatabase, compareClocks } from '../../cli/src/doctor/database.ts';
import type { Expected } from '../../cli/src/doctor/deployment.ts';
import { checkEnvironment } from '../../cli/src/doctor/environment.ts';
import type { Finding } from '../../cli/src/doctor/finding.ts';
import { askDoctor, checkProject, type Project } from '../../cli/src/doctor/project.ts';
import { readSettings } from '../../cli/src/doctor/settings.ts';
import { VERSION } from '../../functions/_shared/version.ts';
import { migrationFiles } from '../../scripts/stack/migrate.ts';
import { client, freshDatabase, seedUser, stackInfo } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { startTransactionPooler } from '../support/transaction-pooler.ts';

const DEAD = 'http://127.0.0.1:1';
const CLIENT_CHECKS = [
  'publishable key',
  'data API',
  'function stepbase-api',
  'function stepbase-worker',
  'sign-in',
];

async function doctor(...args: string[]) {
  const env = { ...process.env };
  for (const name of ['DATABASE_URL', 'SUPABASE_URL']) delete env[name];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ['scripts/doctor.ts', ...args], {
      env,
      timeout: scaled(60_000),
    });
    return { code: 0, out: stdout, err: '' };
  } catch (error) {
    const failed = error as { code: number; stdout: string; stderr: string };
    return { code: failed.code, out: failed.stdout, err: failed.stderr };
  }
}

const stack = stackInfo();
const project: Project = {
  url: stack.api_url,
  publishableKey: stack.publishable_key,
  secretKey: stack.secret_key,
};
const migrations = await migrationFiles();
const expected = (version = VERSION): Expected => ({
  version,
  migrations,
  deploy: 'npx supabase functions deploy',
});
const developer = seedUser('developer@acme');

/** '<check> <status>' of what is not ok. */
const faults = (found: Finding[]) =>
  found.filter(({ status }) => status !== 'ok').map(({ check, status }) => `${check} ${status}`);
const fixOf = (found: Finding[], check: string) =>
  found.find((finding) => finding.check === check && finding.status !== 'ok')?.fix;

async function statement(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

describe('the running stack', () => {
  test('has no finding of the client, as JSON', async () => {
    const { email, password } = developer;
    const { out } = await doctor(
      ...['--data', stack.data_dir, '--email', email, '--password', password, '--json'],
    );
    const found = JSON.parse(out) as Finding[];
    const own = [...CLIENT_CHECKS, 'database', 'migration files', 'pooler', 'versions', 'policies'];
    expect(faults(found.filter(({ check }) => own.includes(check)))).toEqual([]);
    expect(found.map(({ check }) => check)).toEqual(expect.arrayContaining(own));
  });

  test('is checked over the Data API if there is no database', async () => {
    const names = (await askDoctor(project)).map(({ check }) => check);
    expect(names).toEqual(expect.arrayContaining(['migrations', 'queue', 'transactions']));
    expect(faults(await askDoctor({ ...project, secretKey: stack.publishable_key }))).toEqual([
      'doctor() failed',
    ]);
  });

  test('a failed check ends the command with 1, and the text names the fix', async () => {
    const { code, out } = await doctor('--url', DEAD, '--db-url', 'postgres://x:y@127.0.0.1:1/z');
    expect(code).toBe(1);
    expect(out).toMatch(/failed {3}database .* The database cannot be reached: /);
    expect(out).toMatch(/fix: Correct DATABASE_URL or --db-url/);
    expect(out).toMatch(/\d+ failures, \d+ warnings?, 0 ok\n$/);
  });

  test('wrong options are refused', async () => {
    const refused = await Promise.all([doctor('--nonsense'), doctor('--data', '/nowhere')]);
    expect(refused.map(({ code }) => code)).toEqual([1, 1]);
    expect(refused[1]?.err).toBe(
      'doctor: no stack is running there: /nowhere/stack.json is missing\n',
    );
    expect(() => readSettings({ url: DEAD, email: 'a@b.example' }, {})).toThrow('--password');
  });
});

describe('the project', () => {
  test.each<[string, Partial<Project>, string, string[]]>([
    [
      'a wrong publishable key',
      { publishableKey: 'sb_publishable_x' },
      VERSION,
      ['publishable key failed'],
    ],
    [
      'a wrong secret key',
      { secretKey: 'sb_secret_x' },
      VERSION,
      ['data API failed', 'function stepbase-worker failed'],
    ],
    [
      'functions of another version',
      {},
      '9.9.9',
      ['function stepbase-api warning', 'function stepbase-worker warning'],
    ],
    [
      'missing keys',
      { publishableKey: undefined, secretKey: undefined },
      VERSION,
      ['publishable key warning', 'data API warning'],
    ],
    [
      'an address that does not answer',
      { url: DEAD },
      VERSION,
      CLIENT_CHECKS.filter((check) => check !== 'sign-in').map((check) => `${check} failed`),
    ],
  ])('%s', async (_what, broken, version, wanted) => {
    const found = await checkProject({ ...project, ...broken }, expected(version), undefined);
    expect(faults(found)).toEqual(wanted);
  });

  test('a wrong password, and a user without an application', async () => {
    const wrong = { email: developer.email, password: 'wrong-password-1' };
    expect(faults(await checkProject(project, expected(), wrong))).toEqual(['sign-in failed']);
    const lonely = { email: `doctor-${process.pid}@test.example`, password: 'lonely-Passw0rd' };
    const { error } = await client(stack, stack.secret_key).auth.admin.createUser({
      ...lonely,
      email_confirm: true,
    });
    expect(error).toBeNull();
    expect(faults(await checkProject(project, expected(), lonely))).toEqual(['sign-in warning']);
  });

  describe('that is set up by halves', () => {
    const token = `x.${Buffer.from('{"sub": "1"}').toString('base64url')}.x`;
    const answers: Record<string, [number, unknown]> = {
      '/auth/v1/settings': [200, {}],
      '/rest/v1/run_statuses': [406, { message: 'The schema must be one of: public' }],
      '/auth/v1/token': [200, { access_token: token }],
      '/rest/v1/rpc/my_applications': [200, [{ app_code: 'acme' }]],
      '/auth/v1/logout': [204, undefined],
      '/functions/v1/stepbase-api/healthz': [200, { status: 'ok', version: VERSION }],
      '/functions/v1/stepbase-api/readyz': [
        200,
        { status: 'degraded', checks: { realtime: { status: 'failed' } } },
      ],
    };
    const server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://x');
      const [status, body] = answers[pathname] ?? [
        404,
        { message: 'Requested function was not found' },
      ];
      response.writeHead(status).end(body === undefined ? '' : JSON.stringify(body));
    });
    let found: Finding[];
    beforeAll(async () => {
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      const { port } = server.address() as AddressInfo;
      found = await checkProject(
        { ...project, url: `http://127.0.0.1:${port}` },
        expected(),
        developer,
      );
    });
    afterAll(() => new Promise((done) => server.close(done)));

    test('has a finding with a command for each part', () => {
      expect(faults(found)).toEqual([
        'data API failed',
        'function stepbase-api warning',
        'function stepbase-worker failed',
        'sign-in failed',
      ]);
      expect(fixOf(found, 'data API')).toBe('npx supabase config push');
      expect(fixOf(found, 'sign-in')).toBe('npx supabase config push');
      expect(fixOf(found, 'function stepbase-worker')).toContain('npx supabase functions deploy');
      expect(found.find(({ check }) => check === 'function stepbase-api')?.finding).toBe(
        'readyz is degraded: realtime.',
      );
    });
  });
});

describe('the database', () => {
  test('a migration that is not applied, and a day without a partition of Realtime', async () => {
    const database = await freshDatabase();
    await statement(
      database.url,
      `delete from supabase_migrations.schema_migrations
       where version = (select max(version) from supabase_migrations.schema_migrations)`,
    );
    await statement(
      database.adminUrl,
      `do $$
       begin
         execute (
           select string_agg(format('drop table %s', i.inhrelid::regclass), ';') from pg_inherits i
           where i.inhparent = 'realtime.messages'::regclass
         );
       end $$`,
    );
    const { findings, hasAsked } = await checkDatabase(database.url, migrations);
    expect(hasAsked).toBe(true);
    const found = faults(findings);
    expect(found).toEqual(expect.arrayContaining(['migration files failed', 'realtime warning']));
    expect(fixOf(findings, 'migration files')).toBe('npx supabase db push --remote');
  });

  test('a database without Stepbase', async () => {
    const { url } = await freshDatabase({ empty: true });
    const { findings } = await checkDatabase(url, migrations);
    expect(faults(findings)).toEqual(expect.arrayContaining(['migrations failed']));
  });

  test('STEPBASE_DB_DIRECT through a pooler in transaction mode', async () => {
    const pooler = await startTransactionPooler(stack.db_url);
    try {
      const through = (direct: string) =>
        checkDatabase(pooler.url, migrations, { STEPBASE_DB_DIRECT: direct }).then(({ findings }) =>
          findings.find(({ check }) => check === 'pooler'),
        );
      expect((await through('false'))?.finding).toMatch(/pooler in transaction mode\.$/);
      expect(await through('true')).toMatchObject({
        status: 'failed',
        fix: expect.stringContaining('STEPBASE_DB_DIRECT=false'),
      });
    } finally {
      await pooler.stop();
    }
  });

  test.each([
    ['ok', 1000],
    ['warning', 20_000],
    ['failed', -120_000],
  ])('clocks that differ: %s', (status, apart) => {
    expect(compareClocks('clock', 1_000_000 + apart, 1_000_000, 1_000_500).status).toBe(status);
  });
});

describe('the environment', () => {
  const good = {
    DATABASE_URL: 'postgres://stepbase_worker:x@127.0.0.1:5432/postgres',
    STEPBASE_WEB_URL: 'https://app.example',
  };

  test.each<[string, Record<string, string>, string[]]>([
    ['valid', {}, []],
    ['an invalid value', { STEPBASE_DB_POOL: 'many' }, ['environment failed']],
    [
      'an unencrypted connection',
      { DATABASE_URL: 'postgres://x:y@db.ref.supabase.co:6543/postgres' },
      ['environment warning'],
    ],
    ['no web client', { STEPBASE_WEB_URL: '' }, ['environment warning']],
    ['private networks', { STEPBASE_ALLOW_PRIVATE_NETWORK: 'true' }, ['environment warning']],
  ])('%s', (_what, change, expected) => {
    expect(faults(checkEnvironment({ ...good, ...change }))).toEqual(expected);
  });

  test('the address of a hosted project is in that of its database', () => {
    const of = (database: string) => readSettings({ 'db-url': database }, {}).url;
    const pooler = 'aws-0-eu-central-1.pooler.supabase.com:6543/postgres';
    expect(of(`postgres://stepbase_worker.abcdefghijklmnopqrst:x@${pooler}`)).toBe(
      'https://abcdefghijklmnopqrst.supabase.co',
    );
    expect(of('postgres://postgres:x@db.abcdefghijklmnopqrst.supabase.co:5432/postgres')).toBe(
      'https://abcdefghijklmnopqrst.supabase.co',
    );
    expect(of(stack.db_url)).toBeUndefined();
  });

  test('only an environment that describes the installation is checked', () => {
    const env = { DATABASE_URL: stack.db_url };
    expect(readSettings({}, env).environment).toBe(env);
    expect(readSettings({ 'db-url': stack.db_url }, env).environment).toBeUndefined();
  });

  test('keys come from maps of a hosted project, and options come first', () => {
    const settings = readSettings(
      { url: 'https://a.example/' },
      { SUPABASE_URL: 'https://b.example', SUPABASE_SECRET_KEYS: '{"default": "sb_secret_a"}' },
    );
    expect(settings).toMatchObject({ url: 'https://a.example', secretKey: 'sb_secret_a' });
  });
});
