// The Node tests: one shared stack for all of them; the browser comes last, when the cores are free.

import { defineConfig } from 'vitest/config';

const shared = {
  globalSetup: ['scripts/test/shared-stack.ts'],
  // Every wait inside the tests has its own, shorter deadline; these end what hangs anyway.
  testTimeout: 60_000,
  hookTimeout: 120_000,
  teardownTimeout: 60_000,
};

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...shared,
          name: 'node',
          include: ['tests/**/*.test.ts'],
          exclude: ['tests/browser/**'],
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
    ],
  },
});
