// The tests on Node: they share one stack; the browser tests run last, when the cores are free.

import { defineConfig } from 'vitest/config';
import { coverageFolders } from './scripts/coverage/folders.ts';
import LongestFirst from './scripts/test/order.ts';
import { scaled } from './scripts/test/time.ts';

/** Half of the time of a browser test is waiting: for the engine, for a message, for the paint of a page. */
const BROWSERS = Number(process.env.STEPBASE_TEST_BROWSERS) || 2;

const shared = {
  globalSetup: ['scripts/test/shared-stack.ts'],
  setupFiles: [
    'tests/support/setup.ts',
    ...(coverageFolders() ? ['scripts/coverage/child-processes.ts'] : []),
  ],
  // Every wait in a test has its own, shorter deadline; these limits end a test that hangs.
  testTimeout: scaled(60_000),
  hookTimeout: scaled(120_000),
  teardownTimeout: scaled(60_000),
  // A second, the default of expect.poll, is short for a page on a busy machine.
  expect: { poll: { timeout: scaled(10_000) } },
};

export default defineConfig({
  test: {
    pool: 'forks',
    // For two cores: a third of the time a file waits, for a lease, a poll or the start of a process.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...shared,
          name: 'node',
          // A process for each file, with all its modules, costs a third of the CPU time of most files.
          isolate: false,
          include: ['tests/**/*.test.ts'],
          exclude: ['tests/browser/**', 'tests/long/**'],
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...shared,
          name: 'browser',
          // The files of a worker share a browser.
          isolate: false,
          maxWorkers: BROWSERS,
          setupFiles: [...shared.setupFiles, 'tests/browser/setup.ts'],
          include: ['tests/browser/**/*.test.ts'],
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          ...shared,
          name: 'long',
          setupFiles: [...shared.setupFiles, 'tests/browser/setup.ts'],
          include: ['tests/long/**/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
