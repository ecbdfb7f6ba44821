// The functions on the Deno version of hosted Edge Functions, which is older than the one that this
// project runs with. `node scripts/deno-hosted.ts check` checks their types; `… test [files]` runs their unit tests.
//
// The type check needs a copy of the sources: Deno 2.1 ignores `typesVersions` in package.json, and the
// current types of Node need a newer TypeScript than it contains.

import { spawn } from 'node:child_process';
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MODULES = join(ROOT, 'node_modules');

/** The base of the hosted edge runtime; package.json names it once for each platform. */
export const HOSTED_VERSION = '2.1.4';

/** The program; undefined on a platform for which this version does not exist. */
export function hostedDeno(): string | undefined {
  const name = `deno-hosted-${process.platform}-${process.arch}`;
  try {
    const folder = dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
    return join(folder, process.platform === 'win32' ? 'deno.exe' : 'deno');
  } catch {
    return undefined;
  }
}

const json = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;

/** A copy of what the type check reads, with the types of Node for an old TypeScript. */
function copySources(): string {
  const copy = realpathSync(mkdtempSync(join(tmpdir(), 'stepbase-hosted-')));
  for (const folder of ['functions', 'scripts', 'sdk/src']) {
    cpSync(join(ROOT, folder), join(copy, folder), { recursive: true });
  }
  cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'));
  const config = json(join(ROOT, 'deno.json'));
  // TypeScript 5.6 does not know this option; the check with the current Deno covers it.
  const { erasableSyntaxOnly: _, ...compilerOptions } = config.compilerOptions as object & {
    erasableSyntaxOnly?: boolean;
  };
  writeFileSync(join(copy, 'deno.json'), JSON.stringify({ ...config, compilerOptions }));

  const modules = join(copy, 'node_modules');
  mkdirSync(modules);
  for (const name of readdirSync(MODULES)) {
    if (name === '@types') cpSync(join(MODULES, name), join(modules, name), { recursive: true });
    else if (!name.startsWith('.'))
      symlinkSync(join(MODULES, name), join(modules, name), 'junction');
  }
  const nodeTypes = join(modules, '@types', 'node', 'package.json');
  const { typesVersions: __, ...manifest } = json(nodeTypes);
  writeFileSync(nodeTypes, JSON.stringify({ ...manifest, types: 'ts5.6/index.d.ts' }));
  return copy;
}

/** Runs the program and resolves with its exit code; `rewrite` changes what it prints. */
function run(
  program: string,
  args: string[],
  cwd: string,
  rewrite?: (output: string) => string,
): Promise<number> {
  const child = spawn(program, args, {
    cwd,
    stdio: ['ignore', rewrite ? 'pipe' : 'inherit', rewrite ? 'pipe' : 'inherit'],
    env: { ...process.env, DENO_NO_UPDATE_CHECK: '1' },
  });
  let output = '';
  const collect = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (code) => {
      if (rewrite) process.stderr.write(rewrite(output));
      done(code ?? 1);
    });
  });
}

async function check(program: string): Promise<number> {
  const copy = copySources();
  try {
    return await run(program, ['check', '--quiet', 'functions/'], copy, (output) =>
      output.replaceAll(`file://${copy}/`, '').replace(/\nStack backtrace:[\s\S]*$/, '\n'),
    );
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** This version counts what a fake server did before a test as a leak of the test. */
const WITHOUT_LEAK_CHECKS = `
const { test } = Deno;
const relaxed = { sanitizeOps: false, sanitizeResources: false };
Object.defineProperty(Deno, 'test', {
  value: (first, fn) =>
    test(typeof first === 'string' ? { name: first, fn, ...relaxed } : { ...first, ...relaxed }),
});
`;

/** Runs a file that imports the test for each test file. The types are the task of `check`. */
async function test(program: string, files: readonly string[]): Promise<number> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'stepbase-hosted-')));
  try {
    writeFileSync(join(folder, 'prelude.js'), WITHOUT_LEAK_CHECKS);
    const entries = files.map((file) => {
      const entry = join(folder, file.replaceAll('/', '.').replace(/\.ts$/, '.js'));
      const url = pathToFileURL(join(ROOT, file)).href;
      writeFileSync(entry, `import './prelude.js';\nawait import('${url}');\n`);
      return entry;
    });
    const options = ['--no-check', '--no-prompt', '--allow-all', `--config=${ROOT}deno.json`];
    return await run(program, ['test', ...options, ...entries], ROOT);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const [command, ...files] = process.argv.slice(2);
  const program = hostedDeno();
  if (program === undefined) {
    console.log(`skipped: Deno ${HOSTED_VERSION} does not exist for this platform`);
  } else if (command === 'check') {
    process.exitCode = await check(program);
  } else if (command === 'test') {
    const all = globSync('functions/**/*.test.ts', { cwd: ROOT }).sort();
    process.exitCode = await test(program, files.length > 0 ? files : all);
  } else {
    console.error('usage: node scripts/deno-hosted.ts check | test [files]');
    process.exitCode = 2;
  }
}
