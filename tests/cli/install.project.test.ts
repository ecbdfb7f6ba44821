// Stepbase is added to Supabase projects by its command line, used, upgraded and removed: a fresh project of `supabase init`,
// and one with its own table of users and its own access-token hook.

import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { decodeJwt } from 'jose';
import { parse } from 'smol-toml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KEEP_LOGS } from '../../scripts/stack/keep-logs.ts';
import { migrate, supabase } from '../../scripts/stack/migrate.ts';
import { ROOT } from '../../scripts/stack/options.ts';
import { SUPERUSER } from '../../scripts/stack/postgres/cluster.ts';
import { asRole, withClient } from '../../scripts/stack/postgres/connection.ts';
import type { Stack } from '../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import { atFileEnd } from '../support/file-end.ts';
import { signedIn, waitFor } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { createFolder, type Folder } from './support.ts';

const PROJECT = `
create table public.users (id uuid primary key, nickname text not null);
insert into public.users values ('00000000-0000-4000-8000-0000000000aa', 'ada');
create function public.add_plan(event jsonb) returns jsonb language plpgsql stable set search_path = '' as $$
begin
  if event ->> 'user_id' = '00000000-0000-4000-8000-0000000000bb' then
    return jsonb_build_object('error', jsonb_build_object('http_code', 403, 'message', 'not here'));
  end if;
  return jsonb_build_object('claims', event -> 'claims' || '{"plan": "gold"}');
end;
$$;
revoke execute on function public.add_plan(jsonb) from public, anon, authenticated;
grant usage on schema public to supabase_auth_admin;
grant execute on function public.add_plan(jsonb) to supabase_auth_admin;
`;
/** After the migrations of Stepbase, which are from November 2026. */
const MIGRATION = 'supabase/migrations/20261115120000_users.sql';
const HOOK = `
# The plan of a person.
[auth.hook.custom_access_token]
enabled = true # since May
uri = 'pg-functions://postgres/public/add_plan'

[functions.own]
verify_jwt = true
`;
const COMPOSED = 'pg-functions://postgres/stepbase_private/project_access_token_hook';
const HOOK_MIGRATION = 'supabase/migrations/20261101001999_stepbase_access_token_hook.sql';

/** The build of the command line, which finds its dependency in the folder above. */
const tools = mkdtempSync(join(tmpdir(), 'stepbase-tools-'));
const program = (version: string) => join(tools, version, 'dist', 'main.js');

beforeAll(async () => {
  atFileEnd(() => rmSync(tools, { recursive: true, force: true }));
  const build = join(ROOT, 'cli/build.ts');
  await promisify(execFile)(process.execPath, [build, join(tools, 'present', 'dist')]);
  for (const name of ['present', 'next']) {
    mkdirSync(join(tools, name), { recursive: true });
    writeFileSync(join(tools, name, 'package.json'), '{ "type": "module" }');
  }
  mkdirSync(join(tools, 'node_modules'));
  symlinkSync(join(ROOT, 'node_modules/commander'), join(tools, 'node_modules/commander'));
});

async function createProject(): Promise<Folder> {
  const folder = createFolder(program('present'));
  await supabase(['init'], join(folder.path, 'init.log'), folder.path);
  rmSync(join(folder.path, 'init.log'));
  return folder;
}

const filesOf = (folder: Folder): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder.path, { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile())
      .map(({ parentPath, name }) => join(parentPath, name).slice(folder.path.length + 1))
      .filter((path) => !/^(?:node_modules|supabase\/\.temp)\//.test(path))
      .map((path) => [path, folder.read(path)]),
  );

interface Printed {
  applied: boolean;
  files: { path: string; action: string; diff?: string }[];
  notes: string[];
  next: string[];
}
const printed = ({ json }: { json: unknown }) => json as Printed;

interface Finding {
  check: string;
  status: string;
  finding: string;
}

/** The checks that failed; the embedded stack has neither pg_cron nor pg_net. */
async function doctor(folder: Folder, stack: Stack): Promise<{ exit: number; broken: Finding[] }> {
  folder.env = {
    SUPABASE_PUBLISHABLE_KEY: stack.info.publishable_key,
    SUPABASE_SECRET_KEY: stack.info.secret_key,
    STEPBASE_DOCTOR_PASSWORD: stack.info.users[0]?.password ?? '',
  };
  const { exit, json, stderr } = await folder.stepbase(
    `doctor --json --url ${stack.info.api_url} --db-url ${stack.info.db_url} --email ${stack.info.users[0]?.email}`,
  );
  expect(stderr).toBe('');
  const findings = json as unknown as Finding[];
  expect(findings.length).toBeGreaterThan(20);
  return { exit, broken: findings.filter(({ status }) => status === 'failed') };
}

const checksOf = ({ json }: { json: unknown }) => (json as Finding[]).map(({ check }) => check);

const execute = (stack: Stack, sql: string) =>
  withClient(stack.info.db_url, async (client) => (await client.query(sql)).rows);

/** For the start of a stack with all migrations. */
const START = { timeout: scaled(120_000) };
const SERVICE_PASSWORD = 'of the services';

/** Ends the first statement of `work` that waits for this transaction: a deadlock, whose victim is the other one. */
async function inDeadlock<T>(stack: Stack, work: () => Promise<T>): Promise<T> {
  const admin = asRole(stack.info.db_url, SUPERUSER, SERVICE_PASSWORD);
  return await withClient(admin, async (client) => {
    await client.query(`set deadlock_timeout = '10min'`);
    await client.query('begin; lock table stepbase.runs in access share mode');
    const working = work();
    await waitFor('the script waits', async () => {
      const { rows } = await client.query(
        `select 1 from pg_locks where not granted and relation = 'stepbase.runs'::regclass`,
      );
      return rows.length > 0;
    });
    await client.query(`select pg_advisory_xact_lock(hashtext('stepbase.maintain')); rollback`);
    return await working;
  });
}

describe('a fresh project', () => {
  let folder: Folder;
  let stack: Stack | undefined;
  beforeAll(async () => {
    folder = await createProject();
  });
  afterAll(() => stack?.stop());

  test('gets the files and settings after a confirmation', async () => {
    const before = filesOf(folder);
    const refused = await folder.stepbase('init');
    expect([refused.exit, refused.stderr]).toEqual([2, expect.stringContaining('not_confirmed')]);
    expect(refused.stdout).toContain('+schemas = ["public", "graphql_public", "stepbase"]');
    expect(refused.stdout).toMatch(
      /supabase\/migrations\/: \d+ new files of the package, [\d,]+ lines/,
    );
    const plan = printed(await folder.stepbase('init --dry-run --json'));
    expect([plan.applied, plan.next]).toEqual([false, []]);
    expect(filesOf(folder)).toEqual(before);

    const done = printed(await folder.stepbase('init --yes --json'));
    expect(done.files.map(({ path, action }) => [path, action])).toEqual(
      expect.arrayContaining([
        ['supabase/config.toml', 'change'],
        ['supabase/functions/stepbase-api/index.js', 'create'],
        ['stepbase/workflows/hello-world.ts', 'create'],
      ]),
    );
    expect(done.next.slice(0, 3)).toEqual([
      'npm install --save-dev stepbase stepbase-cli zod',
      'npx supabase link --project-ref <project>',
      'npx supabase db push --remote',
    ]);
    // Each page that a step names is in the package.
    const pages = done.next.flatMap((step) => /\/\S+\.md/.exec(step) ?? []);
    expect(pages.map((path) => existsSync(path))).toEqual([true, true, true]);
    const after = filesOf(folder);
    expect(Object.keys(after).filter((path) => path.startsWith('supabase/migrations/'))).toEqual(
      readdirSync(join(ROOT, 'supabase/migrations')).map((name) => `supabase/migrations/${name}`),
    );
    // Each line of the project is still there, in its order.
    const lines = folder.read('supabase/config.toml').split('\n');
    const kept = (before['supabase/config.toml'] ?? '')
      .split('\n')
      .filter((line) => !line.startsWith('schemas ='));
    let at = -1;
    for (const line of kept) {
      at = lines.indexOf(line, at + 1);
      expect(at, line).toBeGreaterThan(-1);
    }
    expect((await folder.stepbase('validate --local')).exit).toBe(0);

    const again = await folder.stepbase('init --yes --json');
    expect([again.exit, printed(again).files]).toEqual([0, []]);
    expect(filesOf(folder)).toEqual(after);
  });

  test('is applied by the Supabase CLI, and doctor finds no fault', START, async () => {
    stack = await startThrowawayStack({
      ...{ projectFolder: folder.path, web: false, logLevel: 'error' },
    });
    const { exit, broken } = await doctor(folder, stack);
    expect(broken).toEqual([]);
    expect(exit).toBe(0);
    folder.env = {};
    const alone = await folder.stepbase(`doctor --db-url ${stack.info.db_url}`);
    expect([alone.exit, alone.stderr]).toEqual([0, '']);
    expect(alone.stdout).toMatch(/ok {7}project files .* version 0\.1\.0/);
    expect((await folder.stepbase('doctor --json')).error.code).toBe('no_installation');
    folder.write(
      'stepbase/config.json',
      `{"links": {"default": {"url": "${stack.info.api_url}"}}}`,
    );
    folder.env = { SUPABASE_SECRET_KEY: stack.info.secret_key };
    const linked = await folder.stepbase('doctor --json');
    expect(checksOf(linked)).toEqual(expect.arrayContaining(['data API', 'queue']));
    folder.write('stepbase/config.json', '{\n  "links": {}\n}\n');
  });

  test('is as before after the removal, except for changed files', async () => {
    folder.write('stepbase/workflows/hello-world.ts', 'export const changed = true;\n');
    const { exit, json } = await folder.stepbase('uninstall --yes --json');
    expect([exit, json.kept]).toEqual([0, ['stepbase/workflows/hello-world.ts']]);
    rmSync(join(folder.path, 'stepbase'), { recursive: true });
    const fresh = await createProject();
    const [left, original] = [filesOf(folder), filesOf(fresh)];
    const named = (text = '') => text.replace(/^project_id = .*$/m, '');
    expect(Object.keys(left).filter((path) => !path.startsWith('.config'))).toEqual(
      Object.keys(original),
    );
    expect(named(left['supabase/config.toml'])).toBe(named(original['supabase/config.toml']));
  });
});

describe('a project with its own users and its own hook', () => {
  let folder: Folder;
  let stack: Stack;
  let config: string;
  const keptLogs = process.env[KEEP_LOGS];

  beforeAll(async () => {
    folder = await createProject();
    folder.write(MIGRATION, PROJECT);
    config = folder
      .read('supabase/config.toml')
      .replace(
        'schemas = ["public", "graphql_public"]',
        'schemas = [\n  "public", # ours\n  "graphql_public",\n]',
      )
      .concat(HOOK);
    folder.write('supabase/config.toml', config);
  });
  afterAll(async () => {
    await stack?.stop();
    if (keptLogs !== undefined) process.env[KEEP_LOGS] = keptLogs;
  });

  test('keeps its settings, and its hook is called by a migration', async () => {
    const done = printed(await folder.stepbase('init --yes --json'));
    expect(done.next).toContain('npx supabase db push --remote --include-all');
    expect(done.files.map(({ path }) => path)).toContain(HOOK_MIGRATION);
    const text = folder.read('supabase/config.toml');
    expect(text).toContain('  "public", # ours\n  "graphql_public",\n  "stepbase",\n]');
    expect(text).toContain(
      '# The plan of a person.\n[auth.hook.custom_access_token]\nenabled = true # since May\n',
    );
    expect(parse(text)).toMatchObject({
      auth: { hook: { custom_access_token: { enabled: true, uri: COMPOSED } } },
      functions: { own: { verify_jwt: true }, 'stepbase-api': { verify_jwt: false } },
    });
    expect(printed(await folder.stepbase('init --yes --json')).files).toEqual([]);
  });

  test('does not lose a file to Stepbase', async () => {
    const worker = 'supabase/functions/stepbase-worker/index.js';
    const text = folder.read(worker);
    folder.write(worker, '// mine');
    const refused = await folder.stepbase('init --yes --json');
    expect([refused.exit, refused.error.code, refused.error.files]).toEqual([
      3,
      'file_changed',
      [{ path: worker, reason: 'exists with another content' }],
    ]);
    expect(folder.read(worker)).toBe('// mine');
    folder.write(worker, text);
    const http = createFolder(program('present'));
    http.write(
      'supabase/config.toml',
      `[auth.hook.custom_access_token]\nenabled = true\nuri = "https://shop.example/hook"\n`,
    );
    expect((await http.stepbase('init --yes --json')).error.code).toBe('unsupported_hook');
    http.write(
      'supabase/config.toml',
      `auth.hook.custom_access_token = { enabled = true, uri = "pg-functions://postgres/public/x" }\n`,
    );
    expect((await http.stepbase('init --yes --json')).error.code).toBe('unsupported_config');
    const left = printed(await http.stepbase('init --dry-run --no-hook --json'));
    expect(left.notes).toEqual([expect.stringContaining('access-token hook stays')]);
    expect((await createFolder(program('present')).stepbase('init --json')).error.code).toBe(
      'no_supabase_project',
    );
  });

  test('is applied, and doctor finds no fault', START, async () => {
    delete process.env[KEEP_LOGS];
    stack = await startThrowawayStack({
      ...{ projectFolder: folder.path, web: false, logLevel: 'error' },
      keys: { servicePassword: SERVICE_PASSWORD },
    });
    expect(await doctor(folder, stack)).toEqual({ exit: 0, broken: [] });
    expect(await execute(stack, 'select nickname from public.users')).toEqual([
      { nickname: 'ada' },
    ]);
  });

  test('signs in with the claims of the project and of Stepbase', async () => {
    const person = await signedIn('developer@acme', stack.info);
    const { data } = await person.auth.getSession();
    const claims = decodeJwt(data.session?.access_token ?? '');
    expect(claims).toMatchObject({ plan: 'gold', app_code: 'acme', app_role: 'developer' });
    const [answer] = await execute(
      stack,
      `select stepbase_private.project_access_token_hook(
         '{"user_id": "00000000-0000-4000-8000-0000000000bb", "claims": {}}') as hook,
         has_function_privilege('authenticated', 'stepbase_private.project_access_token_hook(jsonb)', 'execute') as open`,
    );
    expect(answer).toEqual({
      hook: { error: { http_code: 403, message: 'not here' } },
      open: false,
    });
  });

  test('is upgraded: new migrations and functions, and no other file changes', async () => {
    cpSync(join(tools, 'present', 'dist'), join(tools, 'next', 'dist'), { recursive: true });
    const dist = join(tools, 'next', 'dist');
    for (const name of readdirSync(dist).filter((one) => one.endsWith('.js'))) {
      const text = readFileSync(join(dist, name), 'utf8');
      writeFileSync(join(dist, name), text.replaceAll('"0.1.0"', '"0.1.1"'));
    }
    const added = '20261130000000_next.sql';
    writeFileSync(
      join(dist, 'assets/migrations', added),
      'create table stepbase.next (id int primary key);\n',
    );
    writeFileSync(join(dist, 'assets/functions/stepbase-api/index.js'), '// next\n');
    const before = filesOf(folder);
    const newer = createFolder(program('next'), folder.path);
    expect((await newer.stepbase('init --json')).error.code).toBe('other_version');
    const plan = await newer.stepbase(`upgrade --dry-run --db-url ${stack.info.db_url}`);
    expect(plan.stdout).toContain(
      'From version 0.1.0 to 0.1.1:\nThe database has version 0.1.0; 1 migration of the project is not applied.',
    );
    const done = await newer.stepbase('upgrade --yes --json');
    expect(
      printed(done)
        .files.map(({ path }) => path)
        .sort(),
    ).toEqual([
      'stepbase/install.json',
      'supabase/functions/stepbase-api/index.js',
      `supabase/migrations/${added}`,
    ]);
    const { [`supabase/migrations/${added}`]: text, ...rest } = filesOf(folder);
    expect(text).toContain('stepbase.next');
    const changed = Object.keys(rest).filter((path) => rest[path] !== before[path]);
    expect(changed.sort()).toEqual([
      'stepbase/install.json',
      'supabase/functions/stepbase-api/index.js',
    ]);
    await migrate(stack.info.db_url, stack.info.data_dir, folder.path);
    expect(await execute(stack, 'select * from stepbase.next')).toEqual([]);
    expect((await folder.stepbase('upgrade --json')).error.code).toBe('package_too_old');
    const migration = 'supabase/migrations/20261101000100_schemas.sql';
    folder.write(migration, `${folder.read(migration)}-- edited\n`);
    const edited = await newer.stepbase('upgrade --yes --json');
    expect([edited.exit, edited.error.code]).toEqual([3, 'file_changed']);
    folder.write(migration, before[migration] ?? '');
  });

  test('is removed: the files first, then the database', async () => {
    const database = `uninstall --yes --json --db-url ${stack.info.db_url}`;
    const early = await folder.stepbase(database);
    expect([early.exit, early.error.code]).toEqual([2, 'hook_in_use']);
    expect((await folder.stepbase('uninstall --yes --json')).exit).toBe(0);
    expect(folder.read('supabase/config.toml')).toBe(config);
    const left = Object.keys(filesOf(folder)).filter((path) => !path.startsWith('.config'));
    expect(left.sort()).toEqual(
      [MIGRATION, 'package.json', 'supabase/.gitignore', 'supabase/config.toml']
        .filter((path) => left.includes(path))
        .sort(),
    );
    const removed = await inDeadlock(stack, () =>
      createFolder(program('next'), folder.path).stepbase(database),
    );
    expect([removed.exit, removed.json]).toMatchObject([0, { applied: true, attempts: 2 }]);
    const [schemas] = await execute(
      stack,
      `select count(*)::int as schemas from pg_namespace where nspname like 'stepbase%'`,
    );
    expect(schemas).toEqual({ schemas: 0 });
    expect(await execute(stack, 'select name from supabase_migrations.schema_migrations')).toEqual([
      { name: 'users' },
    ]);
    expect((await folder.stepbase(database)).json.version).toBeNull();
    expect(await execute(stack, `select public.add_plan('{"claims": {}}') as hook`)).toEqual([
      { hook: { claims: { plan: 'gold' } } },
    ]);
  });
});
