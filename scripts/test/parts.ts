// What `npm test` consists of, and how each part's output is counted.

import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../stack/options.ts';
import type { Stack } from '../stack/stack.ts';
import { type Counts, logDir, type Part } from './part.ts';

const MINUTE = 60_000;

function countLines(output: string, pass: RegExp, fail: RegExp): Counts {
  const lines = output.split('\n');
  return {
    passed: lines.filter((line) => pass.test(line)).length,
    failed: lines.filter((line) => fail.test(line)).length,
  };
}

function countSummary(output: string, pattern: RegExp): Counts | undefined {
  const found = [...output.matchAll(new RegExp(pattern, 'gm'))].at(-1);
  return found && { passed: Number(found[1]), failed: Number(found[2]) };
}

const byExit = (_output: string, ok: boolean): Counts => ({
  passed: ok ? 1 : 0,
  failed: ok ? 0 : 1,
});

export function checkPart(): Part {
  return {
    name: 'check',
    command: process.execPath,
    args: ['scripts/check.ts'],
    deadlineMs: 4 * MINUTE,
    count: (output) => countLines(output, /^ok {2,}\S/, /^FAILED \S/),
  };
}

export function denoPart(): Part {
  // The folder alone would leave out functions/_shared, which is no member of the Deno workspace.
  const files = globSync('functions/**/*.test.ts', { cwd: ROOT }).sort();
  return {
    name: 'functions (deno)',
    command: 'deno',
    args: ['test', '--no-prompt', '--allow-all', ...files],
    deadlineMs: 5 * MINUTE,
    count: (output) => countSummary(output, /\| (\d+) passed .*?\| (\d+) failed/),
  };
}

export function databasePart(stack: Stack): Part {
  return {
    name: 'database (pgTAP)',
    command: process.execPath,
    args: ['scripts/test/db.ts', '--stack', stack.infoPath],
    deadlineMs: 5 * MINUTE,
    count: (output) => countSummary(output, /^# (\d+) passed, (\d+) failed$/m),
  };
}

/** The tools that look at a migrated database; each says by its exit code whether all is well. */
export function databaseToolParts(databaseUrl: string): Part[] {
  const tools: Array<[string, string, string[]]> = [
    ['advisors', 'scripts/advisors.ts', []],
    ['types drift', 'scripts/types.ts', ['--check']],
    ['docs drift', 'scripts/docs/main.ts', ['--check', '--only', 'database']],
  ];
  return tools
    .filter(([, script]) => existsSync(join(ROOT, script)))
    .map(([name, script, args]) => ({
      name,
      command: process.execPath,
      args: [script, ...args, '--db-url', databaseUrl],
      deadlineMs: 2 * MINUTE,
      count: byExit,
    }));
}

export function vitestPart(project: 'node' | 'browser', stack: Stack): Part {
  const report = join(logDir, `vitest-${project}.json`);
  return {
    name: project === 'node' ? 'integration (vitest)' : 'browser (vitest)',
    command: process.execPath,
    args: [
      join('node_modules', 'vitest', 'vitest.mjs'),
      'run',
      `--project=${project}`,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ],
    env: { STEPBASE_TEST_STACK: stack.infoPath },
    deadlineMs: 8 * MINUTE,
    count: () => countReport(report),
  };
}

interface VitestReport {
  numPassedTests: number;
  numFailedTests: number;
  testResults: Array<{ status: string; assertionResults: Array<{ status: string }> }>;
}

function countReport(path: string): Counts | undefined {
  if (!existsSync(path)) return undefined;
  const report = JSON.parse(readFileSync(path, 'utf8')) as VitestReport;
  // A file that could not be loaded, or whose hooks failed, has no failed test of its own.
  const broken = report.testResults.filter(
    (file) =>
      file.status === 'failed' &&
      !file.assertionResults.some((assertion) => assertion.status === 'failed'),
  ).length;
  return { passed: report.numPassedTests, failed: report.numFailedTests + broken };
}
