// The tests on Node: they share one stack; the browser tests run last, when the cores are free.

import { defineConfig } from 'vitest/config';
import { coverageFolders } from './scripts/coverage/folders.ts';
import LongestFirst from './scripts/test/order.ts';
import { scaled } from './scripts/test/time.ts';

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
          include: ['tests/browser/**/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          ...shared,
          name: 'long',
          include: ['tests/long/**/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
