// npm run soak [-- --steps N] [--json] [--help]: executes steps while retention deletes the finished runs behind them,
// and reports whether size and speed stay the same. Progress goes to standard error, the result to standard output.

import { parseArgs } from 'node:util';
import { lines, verdictText } from './report.ts';
import { LEAST_STEPS, soak } from './soak.ts';

const HELP = `npm run soak -- [--steps N] [--json]

Executes steps on an embedded PostgreSQL while retention deletes the finished runs behind them. Compares the size of
the tables and the speed in the last quarter of the steps with the second quarter.

  --steps N   the number of steps; default 2000000 (about a quarter of an hour on two cores), at least ${LEAST_STEPS}
  --json      print the result as one line of JSON
  --help      print this text

Exit code: 0 if everything stayed the same, 1 if a run was lost or wrong, a table grew or the speed fell,
2 for a wrong option. With fewer than 300000 steps only the audit counts. Ctrl+C stops the soak and deletes its data.`;

function refuse(message: string): never {
  console.error(`soak: ${message}\n\n${HELP}`);
  process.exit(2);
}

function options() {
  try {
    return parseArgs({
      options: {
        steps: { type: 'string', default: '2000000' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

const { steps: text, json, help } = options();
if (help) {
  console.log(HELP);
  process.exit(0);
}
const steps = Number(text);
if (!Number.isSafeInteger(steps) || steps < LEAST_STEPS) {
  refuse(`--steps must be a whole number from ${LEAST_STEPS}`);
}

const begin = performance.now();
const result = await soak({
  steps,
  say: (message) =>
    console.error(`${((performance.now() - begin) / 1_000).toFixed(0).padStart(4)} s  ${message}`),
});
for (const fault of result.faults) console.error(`soak: ${fault}`);
if (json) console.log(JSON.stringify(result));
else {
  console.table(lines(result));
  console.log(verdictText(result));
}
process.exit(result.faults.length === 0 ? 0 : 1);
