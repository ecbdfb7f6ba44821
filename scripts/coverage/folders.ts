// Where the parts of `npm test` write their coverage. The variable is set only by `npm run coverage`.

import { join } from 'node:path';

export const COVERAGE_FOLDER = 'STEPBASE_COVERAGE_FOLDER';

export interface CoverageFolders {
  /** Profiles of Deno: the unit tests and the functions of each stack. */
  deno: string;
  /** Profiles of Node processes that run TypeScript without Vitest. */
  node: string;
  /** Profiles of the pages of the web client. */
  browser: string;
  /** A folder for each run of Vitest, with its lcov.info. */
  vitest: string;
}

export const foldersIn = (folder: string): CoverageFolders => ({
  deno: join(folder, 'deno'),
  node: join(folder, 'node'),
  browser: join(folder, 'browser'),
  vitest: join(folder, 'vitest'),
});

/** The folders of a run under `npm run coverage`, otherwise undefined. */
export function coverageFolders(): CoverageFolders | undefined {
  const folder = process.env[COVERAGE_FOLDER];
  return folder ? foldersIn(folder) : undefined;
}
