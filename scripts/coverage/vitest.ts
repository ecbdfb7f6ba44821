// How a run of Vitest measures coverage, under `npm run coverage`.

import { join } from 'node:path';
import type { CoverageFolders } from './folders.ts';

export const LCOV_FILE = 'lcov.info';

export function vitestCoverage(
  folders: CoverageFolders | undefined,
  run: string,
): { args: string[]; env: Record<string, string> } {
  if (!folders) return { args: [], env: {} };
  return {
    args: [
      '--coverage.enabled',
      '--coverage.provider=v8',
      '--coverage.reporter=lcovonly',
      // A file that no test loads counts with all its lines.
      '--coverage.include={functions,scripts,web/src,sdk/src,cli/src}/**/*.{ts,tsx}',
      '--coverage.exclude=**/*.test.{ts,tsx}',
      '--coverage.exclude=**/*.d.ts',
      `--coverage.reportsDirectory=${join(folders.vitest, run)}`,
      // A report is also needed if a test fails.
      '--coverage.reportOnFailure',
    ],
    // See child-processes.ts.
    env: { NODE_V8_COVERAGE: '' },
  };
}
