// `npm run check`: formatting, lint, types and commit subjects, in parallel; prints the output of failed checks.

import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { scaled } from './test/time.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DEADLINE_MS = scaled(180_000);

interface Check {
  name: string;
  command: string;
  args: string[];
}

const CHECKS: Check[] = [
  { name: 'biome (format, lint, imports)', command: 'biome', args: ['ci', '--colors=off', '.'] },
  { name: 'sql (format, lint)', command: process.execPath, args: ['scripts/sql-lint.ts'] },
  { name: 'types of scripts and tests', command: 'tsc', args: ['-p', 'tsconfig.json'] },
  { name: 'types of web', command: 'tsc', args: ['-p', 'tsconfig.web.json'] },
  { name: 'types of the SDK', command: 'tsc', args: ['-p', 'sdk/tsconfig.json'] },
  { name: 'types of the CLI', command: 'tsc', args: ['-p', 'cli/tsconfig.json'] },
  {
    name: 'types of functions',
    command: 'deno',
    // The folder alone leaves out the tests of functions/_shared, which is not a member of the Deno workspace.
    args: [
      'check',
      '--quiet',
      'functions/',
      ...globSync('functions/_shared/**/*.ts', { cwd: ROOT }),
    ],
  },
  {
    name: 'types of functions on hosted Deno',
    command: process.execPath,
    args: ['scripts/deno-hosted.ts', 'check'],
  },
  {
    name: 'import maps of functions',
    command: process.execPath,
    args: ['scripts/deno-imports.ts', '--check'],
  },
  {
    name: 'generated pages',
    command: process.execPath,
    args: ['scripts/docs/main.ts', '--check', '--only', 'files'],
  },
  { name: 'OpenAPI document', command: process.execPath, args: ['scripts/openapi-lint.ts'] },
  {
    name: 'migration of step types',
    command: process.execPath,
    args: ['scripts/step-types.ts', '--check'],
  },
  {
    name: 'migration of canvas keys',
    command: process.execPath,
    args: ['scripts/canvas-keys.ts', '--check'],
  },
  {
    name: 'versions and frozen migrations',
    command: process.execPath,
    args: ['scripts/release/main.ts', 'check'],
  },
  { name: 'Dockerfiles', command: process.execPath, args: ['scripts/dockerfile-lint.ts'] },
  { name: 'commit subjects', command: process.execPath, args: ['scripts/commit-lint.ts'] },
];

interface Outcome {
  ok: boolean;
  output: string;
  ms: number;
}

/** Runs one check to its end or its deadline; never rejects. */
function run(check: Check): Promise<Outcome> {
  const started = performance.now();
  const bin = fileURLToPath(new URL('../node_modules/.bin', import.meta.url));
  return new Promise((done) => {
    const child = spawn(check.command, check.args, {
      cwd: ROOT,
      env: {
        ...process.env,
        PATH: `${bin}:${process.env.PATH ?? ''}`,
        NO_COLOR: '1',
        DENO_NO_UPDATE_CHECK: '1',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: DEADLINE_MS,
    });
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const end = (ok: boolean, extra = '') =>
      done({ ok, output: output + extra, ms: performance.now() - started });
    child.on('error', (error) =>
      end(false, `could not start ${check.command}: ${error.message}\n`),
    );
    child.on('close', (code, signal) =>
      end(code === 0, signal ? `stopped by ${signal} (deadline ${DEADLINE_MS / 1000} s)\n` : ''),
    );
  });
}

const running = new Set(CHECKS.map(({ name }) => name));
process.once('SIGTERM', () => {
  console.log(`stopped while running: ${[...running].join('; ')}`);
  process.exit(143);
});

const outcomes = await Promise.all(
  CHECKS.map(async (check) => {
    const outcome = await run(check);
    running.delete(check.name);
    // A check that had nothing to check gives its reason.
    const [skipped = ''] = /^skipped: .*$/m.exec(outcome.output) ?? [];
    const details = [`${Math.round(outcome.ms)} ms`, skipped].filter(Boolean).join('; ');
    console.log(`${outcome.ok ? 'ok    ' : 'FAILED'} ${check.name} (${details})`);
    return { check, outcome };
  }),
);

for (const { check, outcome } of outcomes) {
  if (!outcome.ok) console.log(`\n── ${check.name} ──\n${outcome.output.trimEnd()}`);
}
process.exitCode = outcomes.every(({ outcome }) => outcome.ok) ? 0 : 1;
