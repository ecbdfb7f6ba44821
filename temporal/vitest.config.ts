// `npm run test:temporal`: compiled workflows and the bridge against a real server of Temporal.

import { defineConfig } from 'vitest/config';
import { scaled } from '../scripts/test/time.ts';

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['tests/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    globalSetup: ['tests/server.ts'],
    testTimeout: scaled(180_000),
    hookTimeout: scaled(180_000),
    teardownTimeout: scaled(60_000),
  },
});
