// The package as its users get it: packed, installed into an empty folder, and used on Node, on Deno, on the Deno of
// hosted Edge Functions, and in a bundle for browsers.

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hostedDeno } from '../../scripts/deno-hosted.ts';
import { denoProgram, denoVariables } from '../../scripts/stack/functions.ts';
import { ROOT } from '../../scripts/stack/options.ts';
import { type TestApp, testApp, value } from '../engine/support.ts';
import { type Package, packages } from '../support/packages.ts';
import { scaled } from '../support/time.ts';
import { createKey } from './support.ts';

const run = promisify(execFile);
const BIN = join(ROOT, 'node_modules', '.bin');
const env = {
  ...process.env,
  ...denoVariables(),
  PATH: `${BIN}:${process.env.PATH ?? ''}`,
  DENO_NO_UPDATE_CHECK: '1',
};
const folder = mkdtempSync(join(tmpdir(), 'stepbase-sdk-'));
const here = { cwd: folder, env };
const write = (name: string, text: string) => writeFileSync(join(folder, name), text);

let packed: Package;
let b: TestApp;
let args: string[];
beforeAll(async () => {
  const [all, app] = await Promise.all([packages(), testApp()]);
  b = app;
  packed = all.stepbase;
  write('package.json', '{ "private": true, "type": "module" }');
  const install = ['install', '--offline', '--no-audit', '--no-fund', packed.path];
  await run('npm', install, here);
  // supabase-js, as its users have installed it.
  symlinkSync(join(ROOT, 'node_modules', '@supabase'), join(folder, 'node_modules', '@supabase'));
  write('main.mjs', MAIN);
  const workflow = await b.publish([value('sum', 'input.n + 1')]);
  args = [b.stack.api_url, await createKey(b.admin), workflow];
}, scaled(120_000));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MAIN = `
import process from 'node:process';
import { createClient } from '@supabase/supabase-js';
import { createStepbase, NotFoundError, StepbaseError } from 'stepbase';
import { joinChannel } from 'stepbase/live';
import { decompile, defineWorkflow } from 'stepbase/workflow';
import { serve, verifySignature } from 'stepbase/serve';

const [url, apiKey, workflow] = process.argv.slice(2);
const machine = createStepbase({ url, apiKey });
const run = await machine.start(workflow, { n: 1 });
const types = [];
for await (const { type } of run.watch({ timeoutMs: 20_000 })) types.push(type);
const missing = await machine.run('00000000-0000-7000-8000-000000000000').get().catch((error) => error);
const user = createStepbase(createClient(url, 'sb_publishable_wrong', { realtime: { transport: WebSocket } }));
const refused = await user.start(workflow).catch((error) => error);
console.log(JSON.stringify({
  result: await run.result(),
  types,
  missing: missing instanceof NotFoundError && missing.code,
  refused: refused instanceof StepbaseError,
  live: typeof joinChannel,
  code: decompile(defineWorkflow('pause', {}, (w) => { w.delay('wait', { ms: 1 }); })),
  unsigned: (await serve({}, { secret: 'whsec_AAAA' })(new Request(url, { method: 'POST', body: '{}' }))).status,
  verify: typeof verifySignature,
}));
`;

/** The imports of the sources as those of the package. */
const withPackageNames = (source: string): string =>
  source.replaceAll(/'\.\.\/\.\.\/sdk\/src\/(?:(\w+)\/)?index\.ts'/g, (_all, folder?: string) =>
    folder === undefined ? "'stepbase'" : `'stepbase/${folder}'`,
  );

const wanted = {
  result: { sum: 2 },
  types: ['run.created', 'run.started', 'step.completed', 'run.completed'],
  missing: 'not_found',
  refused: true,
  live: 'function',
  code: `import { defineWorkflow } from 'stepbase/workflow';

export default defineWorkflow('pause', {}, (w) => {
  const wait = w.delay('wait', { ms: 1 });
  return wait;
});
`,
  unsigned: 401,
  verify: 'function',
};

test('the package has its build, its licence and nothing else', () => {
  const names = packed.files.map(({ path }) => path);
  expect(names.filter((name) => !/^dist\/[\w/-]+\.(js|d\.ts)$/.test(name)).sort()).toEqual([
    'LICENSE',
    'README.md',
    'package.json',
  ]);
  expect(names).toEqual(expect.arrayContaining(['dist/index.js', 'dist/index.d.ts']));
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'sdk/package.json'), 'utf8'));
  expect(dependencies).toBeUndefined();
});

const DENO = ['run', '--no-prompt', '--allow-net', '--allow-env', '--allow-read'];
test.each([
  ['Node', () => process.execPath, []],
  ['Deno', denoProgram, [...DENO, '--node-modules-dir=manual']],
  ['the Deno of hosted Edge Functions', hostedDeno, [...DENO, '--node-modules-dir=manual']],
])('a machine starts and watches a run on %s', async (_name, program, options) => {
  const file = program();
  if (file === undefined) throw new Error('this platform has no such program');
  const { stdout } = await run(file, [...options, 'main.mjs', ...args], here);
  expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual(wanted);
});

test('the packed types are those of the sources, for each way to resolve modules', async () => {
  const types = readFileSync(join(ROOT, 'tests/sdk/types.ts'), 'utf8');
  write('types.ts', withPackageNames(types));
  // Without supabase-js, whose types do not pass a check of libraries.
  write(
    'machine.ts',
    `import { createStepbase } from 'stepbase';
     import { createFeed } from 'stepbase/live';
     import { defineWorkflow, shape } from 'stepbase/workflow';
     export const machine = createStepbase({ url: 'https://x.supabase.co', apiKey: 'sbk_x' });
     // @ts-expect-error no such call
     machine.begin(createFeed);
     defineWorkflow('mail', { input: shape<{ to: string }>() }, (w) => {
       w.sendEmail('mail', { to: w.input.to, subject: 'Hello', text: \`To \${w.input.to}\` });
       // @ts-expect-error no such input
       w.sendEmail('copy', { to: w.input.cc, subject: 'Hello', text: 'Copy' });
     });`,
  );
  const options = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2024,dom'];
  const resolutions = [
    ['--module', 'nodenext'],
    ['--module', 'esnext', '--moduleResolution', 'bundler'],
  ];
  const files = [['types.ts', '--skipLibCheck'], ['machine.ts']];
  await Promise.all(
    resolutions.flatMap((more) =>
      files.map((given) => run('tsc', [...options, '--types', '', ...more, ...given], here)),
    ),
  );
  await run(denoProgram(), ['check', '--quiet', '--node-modules-dir=manual', 'types.ts'], here);
});

test('a bundle has only what it uses, and nothing of Node', async () => {
  const bundle = async (contents: string) => {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: folder },
      bundle: true,
      minify: true,
      write: false,
      format: 'esm',
      platform: 'browser',
      logLevel: 'silent',
    });
    return outputFiles[0]?.text ?? '';
  };
  const all = await bundle(
    `import { createStepbase } from 'stepbase'; console.log(createStepbase)`,
  );
  expect(all).toContain('start_run');
  const kibibytes = gzipSync(all, { level: 9 }).byteLength / 1024;
  // As docs/guides/sdk.md states.
  expect(kibibytes).toBeLessThan(11);
  const error = await bundle(
    `import { StepbaseError } from 'stepbase'; console.log(StepbaseError)`,
  );
  expect(error.length).toBeLessThan(1_024);
  const one = await bundle(`import { joinChannel } from 'stepbase/live'; console.log(joinChannel)`);
  expect(one).not.toContain('start_run');
  const compiler = await bundle(
    `import { defineWorkflow } from 'stepbase/workflow'; console.log(defineWorkflow)`,
  );
  expect(compiler).not.toContain('export default');
  expect(compiler.length).toBeLessThan(16_384);
  const none = await bundle(
    `import 'stepbase'; import 'stepbase/live'; import 'stepbase/serve'; import 'stepbase/workflow';`,
  );
  expect(none.trim()).toBe('');
});
