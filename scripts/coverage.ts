// npm run coverage [-- --json] [part of a name …]: runs `npm test` and measures which lines of TypeScript it executes,
// in Deno, Node and the browser. Fails below the threshold, or if a test fails. With names, only these parts of
// `npm test` run. Progress goes to standard error with --json, the result to standard output; coverage/ gets
// lcov.info and summary.json.

import { spawn } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { COVERAGE_FOLDER, foldersIn } from './coverage/folders.ts';
import { writeLcov } from './coverage/lcov.ts';
import { readCoverage } from './coverage/report.ts';
import { printedSummary, summarize } from './coverage/summary.ts';
import { ROOT } from './stack/options.ts';

const THRESHOLD_PERCENT = 80;
const FOLDER = join(ROOT, 'coverage');

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false } },
  allowPositionals: true,
});

/** `npm test` has its own time limits, for each part and for all of them. */
function runTests(): Promise<boolean> {
  const folders = foldersIn(FOLDER);
  const child = spawn(process.execPath, ['scripts/test/run.ts', ...positionals], {
    cwd: ROOT,
    stdio: ['ignore', values.json ? 2 : 'inherit', 'inherit'],
    env: {
      ...process.env,
      [COVERAGE_FOLDER]: FOLDER,
      NODE_V8_COVERAGE: folders.node,
      DENO_COVERAGE_DIR: folders.deno,
    },
  });
  // An interrupt goes to the whole group; the tests stop their parts, and the lines until then are reported.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => undefined);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code === 0));
  });
}

await rm(FOLDER, { recursive: true, force: true });
await mkdir(FOLDER, { recursive: true });
const passed = await runTests();
const coverage = await readCoverage(foldersIn(FOLDER));
const summary = summarize(coverage, (path) => path.split('/').slice(0, 2).join('/'));
await writeFile(join(FOLDER, 'lcov.info'), writeLcov(coverage));
await writeFile(join(FOLDER, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
console.log(values.json ? JSON.stringify(summary) : `\n${printedSummary(summary)}`);

const { percent } = summary.total;
const enough = percent >= THRESHOLD_PERCENT;
console.error(
  `\nCoverage of TypeScript: ${percent.toFixed(1)} % of the lines with statements ` +
    `(at least ${THRESHOLD_PERCENT} % required)${passed ? '' : '; tests failed, see above'}`,
);
process.exitCode = enough && passed ? 0 : 1;
