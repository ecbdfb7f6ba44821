// The commands of runs, tasks, schedules, secrets and keys, the types of an application, and what every command has in
// common: exit codes, JSON, colours and completion.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { x as extract } from 'tar';
import { beforeAll, describe, expect, it } from 'vitest';
import { run as stepbase } from '../../cli/src/program.ts';
import { schemaType } from '../../cli/src/types/schema.ts';
import { NOTICES } from '../../scripts/release/notices.ts';
import { ROOT } from '../../scripts/stack/options.ts';
import { atFileEnd } from '../support/file-end.ts';
import { stackInfo, waitFor } from '../support/stack.ts';
import { createFolder, type Folder, type Tenant, tenantWithKey } from './support.ts';

const { api_url: url } = stackInfo();
const NOTICES_FILE = `dist/${NOTICES}`;
const MISSING = '00000000-0000-7000-8000-000000000000';

const WORKFLOWS = {
  adding: `defineWorkflow('adding', { input: z.object({ n: z.number() }) }, (w) => {
    w.transform('sum', { expression: expr\`\${w.input.n} + 1\` });
  })`,
  asking: `defineWorkflow('asking', {}, (w) => {
    const ask = w.waitForApproval('ask', { title: 'Go?' });
    w.transform('go', { expression: '1' }, { after: ask.on('approved') });
  })`,
  paying: `defineWorkflow('paying', {}, (w) => {
    w.waitForSignal('paid', { signal_name: 'paid' });
  })`,
  failing: `defineWorkflow('failing', {}, (w) => {
    w.transform('broken', { expression: '$error("no stock")' });
  })`,
};

let tenant: Tenant;
let folder: Folder;
beforeAll(async () => {
  tenant = await tenantWithKey('commands');
  folder = createFolder();
  folder.env = { STEPBASE_URL: url, STEPBASE_API_KEY: tenant.key };
  const all = Object.entries(WORKFLOWS).map(([name, code]) => `export const ${name} = ${code};`);
  folder.write(
    'stepbase/workflows/all.ts',
    `import { defineWorkflow, expr } from 'stepbase/workflow';
import { z } from 'zod';
${all.join('\n')}
`,
  );
  const pushed = await folder.stepbase('push --publish');
  expect([pushed.exit, pushed.stderr]).toEqual([0, '']);
});

interface Surroundings {
  input?: string;
  isTTY?: boolean;
  /** Default: as isTTY. */
  isErrorTTY?: boolean;
  env?: Record<string, string>;
}

/** Runs a command in this process. */
async function call(words: readonly string[], given: Surroundings = {}) {
  const { input = '', isTTY = false, env = {} } = given;
  const written = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    isTTY: name === 'stdout' ? isTTY : (given.isErrorTTY ?? isTTY),
    write: (text: string) => {
      written[name] += text;
    },
  });
  const exit = await stepbase(['-C', folder.path, ...words], {
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    stdin: (async function* () {
      yield input;
    })(),
    env: { STEPBASE_URL: url, STEPBASE_API_KEY: tenant.key, XDG_CONFIG_HOME: folder.path, ...env },
  });
  return { exit, ...written };
}

/** The answer of a command that succeeds. */
async function answer(words: readonly string[], input = '') {
  const { exit, stdout, stderr } = await call([...words, '--json'], { input });
  expect([words, exit, stderr]).toEqual([words, 0, '']);
  return JSON.parse(stdout);
}

describe('runs', () => {
  it('are started, waited for, listed and watched', async () => {
    const done = await answer([
      'start',
      'adding',
      '{"n": 1}',
      '--wait',
      '--tag',
      'cli',
      '--key',
      'one',
    ]);
    expect(done).toMatchObject({ status: 'completed', output: { sum: 2 }, tags: ['cli'] });
    expect((await call(['start', 'adding', '-', '--wait'], { input: '{"n": 2}' })).stdout).toBe(
      '{\n  "sum": 3\n}\n',
    );
    const again = await answer(['start', 'adding', '{"n": 1}', '--key', 'one']);
    expect(again.id).toBe(done.id);
    const rows = await answer([
      'runs',
      '--workflow',
      'adding',
      '--status',
      'completed',
      '--limit',
      '1',
    ]);
    expect(rows).toMatchObject([{ workflow: 'adding', status: 'completed' }]);
    const watched = await call(['watch', done.id, '--json']);
    const types = watched.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).type);
    expect([watched.exit, types.at(0), types.at(-1)]).toEqual([0, 'run.created', 'run.completed']);
    expect((await call(['watch', done.id, '--after', '3'])).stdout).toMatch(
      /^ {3}4 .* run\.completed\n$/,
    );
    expect(await answer(['logs', done.id])).toEqual([]);
    expect((await call(['logs', done.id, '--follow'])).exit).toBe(0);
  });

  it('that fail give the exit code 1', async () => {
    const failed = await call(['start', 'failing', '--wait']);
    expect(failed.exit).toBe(1);
    expect(failed.stdout).toMatch(/ {2}failed {2}.*no stock/);
    const [id = ''] = failed.stdout.split(' ');
    const watched = await call(['watch', id]);
    expect([watched.exit, watched.stderr]).toEqual([1, expect.stringContaining('no stock')]);
  });

  it('wait for signals and approvals, and explain why', async () => {
    const { id: paying } = await answer(['start', 'paying']);
    await answer(['signal', paying, 'paid', '{"amount": 7}']);
    const ended = await waitFor('the run ends', async () => {
      const [row] = await answer(['runs', '--workflow', 'paying']);
      return row.status === 'completed';
    });
    expect(ended).toBe(true);

    const { id } = await answer(['start', 'asking']);
    const [task] = await waitFor('the task waits', async () => {
      const tasks = await answer(['tasks', '--run', id]);
      return tasks.length > 0 && tasks;
    });
    expect(task.task.title).toBe('Go?');
    expect((await call(['tasks', '--run', id])).stdout).toContain('Go?');
    const why = await call(['explain', id]);
    expect(why.stdout).toContain(`asking, version 1, run ${id}: running`);
    expect(why.stdout).toMatch(/^ask {3}1 {8}waiting {2}task/m);
    expect((await call(['explain', 'asking'])).stdout).toMatch(/^0 {2}ask {3}wait_for_approval/m);
    // By its run, which has one open approval.
    const decided = await call(['approve', id, '--comment', 'fine']);
    expect(decided).toMatchObject({ exit: 0, stdout: `Approved ask of ${id}.\n` });
    const none = await call(['approve', id]);
    expect(none).toMatchObject({ exit: 4, stderr: expect.stringContaining('open approval') });
    const again = await call(['approve', task.id, '--reject', '--json']);
    expect([again.exit, JSON.parse(again.stderr).error.code]).toEqual([4, 'conflict']);
  });
});

it('a run is cancelled with its reason', async () => {
  const { id } = await answer(['start', 'paying']);
  expect((await call(['cancel', id, '--reason', 'sold out'])).stdout).toBe(`${id}  cancelled\n`);
  expect((await call(['watch', id])).stderr).toContain('sold out');
  const unknown = await call(['cancel', MISSING, '--json']);
  expect([unknown.exit, JSON.parse(unknown.stderr).error.code]).toEqual([4, 'not_found']);
});

describe('the application', () => {
  it('has schedules', async () => {
    const made = await answer([
      'schedules',
      'create',
      'adding',
      '0 7 * * mon',
      '--input',
      '{"n": 1}',
      '--overlap',
      'skip',
    ]);
    expect(made).toMatchObject({ cron_expression: '0 7 * * mon', overlap_policy: 'skip' });
    expect((await answer(['schedules', 'pause', made.id])).is_enabled).toBe(false);
    const listed = (await call(['schedules'])).stdout;
    expect(listed).toMatch(/adding {10}0 7 \* \* mon {2}UTC {7}paused/);
    expect((await call(['schedules', 'next', made.id])).stdout).toContain('no next time');
    expect((await answer(['schedules', 'resume', made.id])).is_enabled).toBe(true);
    expect(await answer(['schedules', 'next', made.id])).toEqual(expect.any(Array));
    expect((await answer(['schedules', 'run', made.id])).outcome).toBe('started');
    await answer(['schedules', 'delete', made.id]);
    expect(await answer(['schedules', 'list', '--workflow', 'adding'])).toEqual([]);
    expect((await call(['schedules'])).stdout).toBe('There are no schedules.\n');
  });

  it('has secrets, whose values are read from standard input and never shown', async () => {
    await answer(['secrets', 'set', 'stripe_key', '--host', 'api.stripe.com'], 'first\n');
    const second = await answer(['secrets', 'set', 'stripe_key'], 'second');
    expect(second).toEqual({ name: 'stripe_key', version: 2, allowed_hosts: ['api.stripe.com'] });
    expect((await answer(['secrets', 'rollback', 'stripe_key', '1'])).version).toBe(1);
    const { stdout } = await call(['secrets']);
    expect(stdout).toMatch(/^stripe_key {2}1 {8}api\.stripe\.com/m);
    await answer(['secrets', 'delete', 'stripe_key']);
    const empty = await call(['secrets', 'set', 'stripe_key']);
    expect(empty).toMatchObject({ exit: 2, stderr: 'error: The value is empty (no_value)\n' });
  });

  it('has keys', async () => {
    const made = await answer([
      'keys',
      'create',
      'ci',
      '--scope',
      'run:read',
      '--scope',
      'workflow:read',
    ]);
    expect(made).toMatchObject({
      key: expect.stringMatching(/^sbk_/),
      scopes: ['run:read', 'workflow:read'],
    });
    const limited = await call(['start', 'adding', '{"n": 1}'], {
      env: { STEPBASE_API_KEY: made.key },
    });
    expect(limited.exit).toBe(4);
    expect(limited.stderr).toContain('The key needs the permission run:execute.');
    const rotated = await answer(['keys', 'rotate', made.id, '--overlap', '0']);
    expect(rotated.key).not.toBe(made.key);
    await answer(['keys', 'revoke', made.id]);
    const { stdout } = await call(['keys']);
    expect(stdout).toContain(`${made.id}  ci `);
    expect(stdout).not.toContain(rotated.key);
  });

  it('has types, which the SDK takes', async () => {
    const { workflows } = await answer(['types']);
    expect(workflows).toEqual(['adding', 'asking', 'failing', 'paying']);
    expect(folder.read('stepbase/types.ts')).toBe(`// Generated by \`stepbase types\`. Do not edit.
import type { StepOutputs } from 'stepbase/workflow';

export interface Workflows {
  adding: {
    input: {
      n: number;
    };
    output: {
      sum: StepOutputs["transform"];
    };
  };
  asking: {
    input: object;
    output: {
      go?: StepOutputs["transform"];
    };
  };
  failing: {
    input: object;
    output: {
      broken: StepOutputs["transform"];
    };
  };
  paying: {
    input: object;
    output: {
      paid: StepOutputs["wait_for_signal"];
    };
    signals: {
      paid: unknown;
    };
  };
}
`);
    expect((await call(['types', '--check'])).exit).toBe(0);
    folder.write(
      'use.ts',
      `import { createStepbase } from 'stepbase';
import type { Workflows } from './stepbase/types.ts';
const stepbase = createStepbase<Workflows>({ url: 'https://x.supabase.co', apiKey: 'sbk_x' });
const run = await stepbase.start('adding', { n: 1 });
await (await stepbase.start('paying')).signal('paid', { amount: 1 });
(await run.result()).sum;
// @ts-expect-error a wrong input
await stepbase.start('adding', { n: 'one' });
// @ts-expect-error a wrong name
await stepbase.start('addin', { n: 1 });
// @ts-expect-error a wrong signal
await (await stepbase.start('paying')).signal('payd');
`,
    );
    const options =
      '--noEmit --strict --skipLibCheck --target es2024 --module nodenext --allowImportingTsExtensions --types node';
    const types = ['--typeRoots', join(ROOT, 'node_modules/@types')];
    const tsc = promisify(execFile)(
      join(ROOT, 'node_modules/.bin/tsc'),
      [...options.split(' '), ...types, 'use.ts'],
      { cwd: folder.path },
    );
    expect(await tsc.catch((error: { stdout: string }) => error.stdout)).toMatchObject({
      stdout: '',
    });
    folder.write('stepbase/types.ts', '');
    expect((await call(['types', '--check'])).exit).toBe(1);
    // The module of the workflows is imported, which another process does.
    expect((await folder.stepbase('types --local')).exit).toBe(0);
    expect(folder.read('stepbase/types.ts')).toContain('n: number;');
  });
});

it.each<[unknown, string]>([
  [{ type: ['string', 'null'] }, 'string | null'],
  [{ enum: ['a', 1, null] }, '"a" | 1 | null'],
  [{ type: 'array', items: { type: ['string', 'number'] } }, 'Array<string | number>'],
  [{ type: 'array', items: { type: 'integer' } }, 'number[]'],
  [{ type: 'object', additionalProperties: { type: 'boolean' } }, 'Record<string, boolean>'],
  [{ anyOf: [{ type: 'string' }, { type: 'object' }] }, 'string | Record<string, unknown>'],
  [{ anyOf: [{ type: 'string' }, {}] }, 'unknown'],
  [
    {
      type: 'object',
      properties: { a: { const: 'x' } },
      oneOf: [{ properties: { b: true } }, { properties: { c: true } }],
    },
    '{\n  a?: "x";\n} & ({\n  b?: unknown;\n} | {\n  c?: unknown;\n})',
  ],
  [{ $ref: '#/$defs/id', $defs: { id: { type: 'string' } } }, 'string'],
  [{ $ref: '#' }, 'unknown'],
  [
    { properties: { 'a-b': { type: 'string', description: 'an */ id' } }, required: ['a-b'] },
    '{\n  /** an * / id */\n  "a-b": string;\n}',
  ],
  [{ not: { type: 'string' } }, 'unknown'],
  [false, 'never'],
])('the schema %j is the type %s', (schema, type) => {
  expect(schemaType(schema)).toBe(type);
});

describe('every command', () => {
  it('has exit codes and errors with a code, also as JSON', async () => {
    expect(await call(['start'])).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining("missing required argument 'workflow'"),
    });
    expect((await call(['pusch'])).stderr).toContain('Did you mean push?');
    const wrong = await call(['schedules', 'create', 'adding', '--json']);
    expect([wrong.exit, JSON.parse(wrong.stderr).error]).toEqual([
      2,
      {
        code: 'wrong_usage',
        message: "missing required argument 'cron'",
        hint: 'See `stepbase schedules create --help`.',
      },
    ]);
    expect(await call([])).toMatchObject({ exit: 2, stderr: expect.stringContaining('Commands:') });
    expect((await call(['start', 'adding', '{n: 1}'])).exit).toBe(2);
    const invalid = await call(['start', 'adding', '{"n": "one"}']);
    expect(invalid.exit).toBe(4);
    expect(invalid.stderr).toMatch(/^error: .* \(invalid_input\)\n {2}.*n.*: /);
    const missing = await call(['watch', MISSING, '--json']);
    expect([missing.exit, missing.stdout, JSON.parse(missing.stderr).error.code]).toEqual([
      4,
      '',
      'not_found',
    ]);
    const away = await call(['runs', '--json'], { env: { STEPBASE_URL: 'http://127.0.0.1:1' } });
    expect([away.exit, JSON.parse(away.stderr).error.code]).toEqual([5, 'network_error']);
    expect((await call(['runs', '--url', 'example.com'])).stderr).toContain('(invalid_url)');
    expect(await call(['--version'])).toMatchObject({ exit: 0, stdout: '0.1.0\n' });
    const help = await call(['help', 'push']);
    expect([help.exit, help.stdout]).toEqual([0, expect.stringContaining('--dry-run')]);
  });

  it('waits for the rate limit of the server', async () => {
    const methods: string[] = [];
    const limited = createServer((request, response) => {
      methods.push(request.method ?? '');
      const isRefused = methods.length % 2 === 1;
      const body = isRefused
        ? { code: 'limit_reached', detail: 'Too many' }
        : { items: [], name: 'ci' };
      response.writeHead(isRefused ? 429 : 200, { 'retry-after': '0' }).end(JSON.stringify(body));
    });
    atFileEnd(() => limited.close());
    await new Promise<void>((done) => limited.listen(0, '127.0.0.1', done));
    const env = { STEPBASE_URL: `http://127.0.0.1:${(limited.address() as AddressInfo).port}` };
    expect((await call(['runs'], { env })).exit).toBe(0);
    expect((await call(['keys', 'revoke', MISSING], { env })).exit).toBe(0);
    expect(methods).toEqual(['GET', 'GET', 'POST', 'POST']);
    // The client of the SDK.
    expect((await call(['signal', MISSING, 'paid'], { env })).exit).toBe(0);
    expect(methods.slice(4)).toEqual(['POST', 'POST']);
  });

  it('notes once that the installation is older, and does its work', async () => {
    // The functions of the stack, as an older version of them answers.
    const older = createServer(async (request, response) => {
      const { method = 'GET', url: path = '/', headers: given } = request;
      const headers = {
        authorization: given.authorization ?? '',
        'content-type': 'application/json',
      };
      const body = method === 'GET' ? null : await textOf(request);
      const answer = await fetch(new URL(path, url), { method, headers, body });
      const answered = { ...Object.fromEntries(answer.headers), 'stepbase-version': '0.0.1' };
      // fetch has unpacked the body.
      const {
        'content-encoding': _,
        'content-length': __,
        ...passed
      } = answered as Record<string, string>;
      response.writeHead(answer.status, passed);
      response.end(await answer.text());
    });
    atFileEnd(() => older.close());
    await new Promise<void>((done) => older.listen(0, '127.0.0.1', done));
    const env = { STEPBASE_URL: `http://127.0.0.1:${(older.address() as AddressInfo).port}` };
    // The first reads by the CLI, the second also has a client of the SDK.
    for (const words of [
      ['types', '--out', 'older.ts'],
      ['start', 'adding', '{"n": 1}', '--wait'],
    ]) {
      const { exit, stderr } = await call(words, { env });
      const notes = stderr.match(/has Stepbase 0\.0\.1, which is older than this CLI/g);
      expect([exit, notes?.length]).toEqual([0, 1]);
    }
    const start = ['start', 'adding', '{"n": 1}', '--wait'];
    expect((await call([...start, '--json'], { env })).stderr).toBe('');
    expect((await call(start)).stderr).not.toContain('older');
  });

  it('uses colours and shows progress on a terminal only', async () => {
    folder.write('stepbase/workflows/new.json', '{"nodes": [], "edges": []}');
    const plain = await folder.stepbase('diff new');
    expect(plain.stdout).toBe('new  only in git (stepbase/workflows/new.json)\n');
    expect(plain.stderr).toBe('');
    const color = '\u001B[';
    const failed = ['start', 'adding', '{}'];
    expect((await call(failed, { isTTY: true })).stderr).toContain(color);
    expect((await call(failed, { isTTY: true, env: { NO_COLOR: '1' } })).stderr).not.toContain(
      escape,
    );
    expect((await call(failed)).stderr).not.toContain(color);
    // Standard error may be a file while standard output is a terminal.
    const split = await call(failed, { isTTY: true, isErrorTTY: false });
    expect(split.stderr).not.toContain(color);
    const late = await call(['start', 'asking', '--wait', '--timeout', '0'], { isTTY: true });
    expect(late.exit).toBe(5);
    expect(late.stderr).toContain(` runs\r${color}2K${color}31merror:`);
    const types = ['types', '-o', 'other.ts'];
    expect((await call(types, { isTTY: true })).stderr).toContain(`${'█'.repeat(20)} 4/4 `);
    expect((await call(types)).stderr).toBe('');
  });

  it('is completed by shells', async () => {
    const bash = await call(['completion', 'bash']);
    await promisify(execFile)('bash', ['-n', '-c', bash.stdout]);
    const words = async (...given: string[]) =>
      (await call(['complete', '--', ...given])).stdout.trim().split('\n');
    expect(await words('pu')).toEqual(['push', 'pull', 'publish']);
    expect(await words('secrets', 'ro')).toEqual(['rollback']);
    expect(await words('push', '--dr')).toEqual(['--dry-run']);
    expect(await words('push', '--js')).toEqual(['--json']);
    folder.write(
      'stepbase/config.json',
      '{"links": {"staging": {"url": "https://x.supabase.co"}}}',
    );
    expect(await words('push', '--link', 'st')).toEqual(['staging']);
  });
});

it('writes a published workflow as a project for Temporal', async () => {
  const written = await folder.stepbase('compile asking --out temporal --json');
  expect(written).toMatchObject({ exit: 0, stderr: '', json: { type: 'asking_v1' } });
  expect(folder.read('temporal/package.json')).toContain('@temporalio/workflow');
  expect(folder.read('temporal/src/activities.ts')).toContain('waitForApproval');
  const refused = await folder.stepbase('compile nothing --out other');
  expect(refused.exit).not.toBe(0);
});

it('is packed with its parts of the SDK, and needs commander only', async () => {
  const target = mkdtempSync(join(tmpdir(), 'stepbase-cli-packed-'));
  atFileEnd(() => rmSync(target, { recursive: true, force: true }));
  const npm = ['pack', '--json', '--pack-destination', target];
  const env = {
    ...process.env,
    PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env.PATH ?? ''}`,
  };
  const { stdout } = await promisify(execFile)('npm', npm, { cwd: join(ROOT, 'cli'), env });
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf('[\n')));
  const paths = packed.files.map(({ path }: { path: string }) => path);
  expect(paths.filter((path: string) => !/^dist\/(?:chunk|[\w-]+)-\w+\.js$/.test(path))).toEqual(
    expect.arrayContaining([
      ...['LICENSE', 'README.md', 'package.json', 'dist/main.js', 'dist/assets/uninstall.sql'],
      ...['dist/docs/guides/cli.md', 'dist/docs/operations/deploy.md', NOTICES_FILE],
      ...['api', 'worker'].map((name) => `dist/assets/functions/stepbase-${name}/index.js`),
      ...['base', 'base-mail', 'base-models', 'base-mail-models'].map(
        (variant) => `dist/assets/temporal/${variant}.json`,
      ),
      ...readdirSync(join(ROOT, 'supabase/migrations')).map(
        (name) => `dist/assets/migrations/${name}`,
      ),
    ]),
  );
  await extract({ file: join(target, packed.filename), cwd: target });
  mkdirSync(join(target, 'node_modules'));
  symlinkSync(join(ROOT, 'node_modules/commander'), join(target, 'node_modules/commander'));
  const notices = readFileSync(join(target, 'package', NOTICES_FILE), 'utf8');
  for (const name of ['pg', 'zod', 'hono', 'ai', 'jsonata']) {
    expect(notices).toMatch(new RegExp(`^${name} \\d[^\\n]*\\n\\n.*(?:Copyright|License)`, 'ms'));
  }
  expect(notices).not.toContain('undefined');
  const project = createFolder(join(target, 'package/dist/main.js'));
  project.env = folder.env;
  project.write('stepbase/workflows/all.ts', folder.read('stepbase/workflows/all.ts'));
  const compiled = await project.stepbase('compile adding --out compiled');
  expect([compiled.exit, compiled.stderr]).toEqual([0, '']);
  expect(project.read('compiled/src/workflow.ts')).toContain("run.step('sum'");
  expect(project.read('compiled/stepbase/activities.js')).toContain('jsonata');
  const equal = await project.stepbase('diff --json');
  expect(equal).toMatchObject({ exit: 0, stderr: '', json: { workflows: { length: 4 } } });
});
