// The parts of `npm test`: the command of each part, its time limit, and the count of its results.

import { existsSync, globSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { coverageFolders } from '../coverage/folders.ts';
import { vitestCoverage } from '../coverage/vitest.ts';
import { hostedDeno } from '../deno-hosted.ts';
import { ROOT } from '../stack/options.ts';
import type { Stack } from '../stack/stack.ts';
import { logDir, type Part } from './part.ts';
import {
  readCheckProgress,
  readDenoProgress,
  readTapProgress,
  readVitestProgress,
} from './progress.ts';
import { PROGRESS_FILE } from './progress-reporter.ts';

const MINUTE = 60_000;

export function checkPart(): Part {
  return {
    name: 'check',
    command: process.execPath,
    args: ['scripts/check.ts'],
    limitMs: 4 * MINUTE,
    progress: readCheckProgress,
  };
}

/** All unit tests beside the functions, or these files. Their types are a task of the part `check`. */
export function denoPart(
  // The folder alone would leave out functions/_shared, which is not a member of the Deno workspace.
  files: readonly string[] = globSync('functions/**/*.test.ts', { cwd: ROOT }).sort(),
): Part {
  return {
    name: 'functions (deno)',
    command: 'deno',
    args: ['test', '--no-check', '--no-prompt', '--allow-all', ...files],
    limitMs: 5 * MINUTE,
    progress: readDenoProgress,
  };
}

/**
 * The same tests on the Deno version of hosted Edge Functions; none where that version does not exist, and none while
 * coverage is measured: this version would overwrite the compiled sources that the profiles of the other one need.
 */
export function hostedDenoParts(): Part[] {
  if (hostedDeno() === undefined || coverageFolders() !== undefined) return [];
  return [
    {
      name: 'functions (hosted deno)',
      command: process.execPath,
      args: ['scripts/deno-hosted.ts', 'test'],
      limitMs: 5 * MINUTE,
      progress: readDenoProgress,
    },
  ];
}

export function databasePart(stack: Stack): Part {
  return {
    name: 'database (pgTAP)',
    command: process.execPath,
    args: ['scripts/test/db.ts', '--stack', stack.infoPath],
    limitMs: 5 * MINUTE,
    progress: readTapProgress,
  };
}

/** The tools that inspect a migrated database; each reports by its exit code. */
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
      limitMs: 2 * MINUTE,
      progress: (_output, ok) =>
        ok
          ? { passed: 1, failed: 0, failures: [], running: [] }
          : { passed: 0, failed: 1, failures: [script], running: [] },
    }));
}

export interface VitestSuite {
  name: string;
  project: 'node' | 'browser' | 'long';
  /** Folders or files; without them the whole project. */
  paths?: string[];
  limitMs: number;
}

/** The integration tests in two parts of about the same length; each folder of tests/ is in one of them. */
export function integrationSuites(): VitestSuite[] {
  const others = readdirSync(join(ROOT, 'tests'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !['engine', 'browser', 'long'].includes(entry.name))
    .map(({ name }) => `tests/${name}/`)
    .filter((folder) => globSync(`${folder}**/*.test.ts`, { cwd: ROOT }).length > 0);
  return [
    {
      name: 'integration: engine (vitest)',
      project: 'node',
      paths: ['tests/engine/'],
      limitMs: 9 * MINUTE,
    },
    {
      name: 'integration: services (vitest)',
      project: 'node',
      paths: others.sort(),
      limitMs: 11 * MINUTE,
    },
  ];
}

export const BROWSER_SUITE: VitestSuite = {
  name: 'browser (vitest)',
  project: 'browser',
  limitMs: 6 * MINUTE,
};

export const LONG_SUITE: VitestSuite = {
  name: 'long (vitest)',
  project: 'long',
  limitMs: 40 * MINUTE,
};

/** Without a stack, Vitest starts one of its own (see shared-stack.ts). */
export function vitestPart(
  { name, project, paths = [], limitMs }: VitestSuite,
  stack?: Pick<Stack, 'infoPath'>,
): Part {
  const fileName = name.replaceAll(/\W+/g, '-');
  const progress = join(logDir, `${fileName}.jsonl`);
  const coverage = vitestCoverage(coverageFolders(), fileName);
  return {
    name,
    command: process.execPath,
    args: [
      join('node_modules', 'vitest', 'vitest.mjs'),
      'run',
      `--project=${project}`,
      '--reporter=default',
      '--reporter=./scripts/test/progress-reporter.ts',
      ...coverage.args,
      ...paths,
    ],
    env: {
      ...coverage.env,
      [PROGRESS_FILE]: progress,
      ...(stack ? { STEPBASE_TEST_STACK: stack.infoPath } : {}),
    },
    limitMs,
    progress: () => readVitestProgress(progress),
  };
}

/** Compiled workflows and the bridge, against a real server of Temporal. */
export function temporalPart(): Part {
  const progress = join(logDir, 'temporal.jsonl');
  return {
    name: 'temporal (vitest)',
    command: process.execPath,
    args: [
      join('scripts', 'test', 'temporal.ts'),
      '--reporter=default',
      `--reporter=${join(ROOT, 'scripts', 'test', 'progress-reporter.ts')}`,
    ],
    env: { [PROGRESS_FILE]: progress },
    // Includes the time to build the server, once for each machine.
    limitMs: 45 * MINUTE,
    progress: () => readVitestProgress(progress),
  };
}
