// `npm run explain -- <workflow>`: prints how the engine understands a workflow, with warnings. With `--run ID` it prints
// why a run does not continue.

import { parseArgs } from 'node:util';
import { databaseUrl, NoDatabaseError } from './database/url.ts';
import { ExplainError } from './explain/database.ts';
import { readPlan } from './explain/plan.ts';
import { readRun, runToText } from './explain/run.ts';
import { toTable } from './explain/table.ts';

const USAGE = `usage: npm run explain -- <workflow> [--version N] [--app CODE] [--json]
                              [--db-url URL | --data DIR]
       npm run explain -- --run ID [--json] [--db-url URL | --data DIR]
Reads the database of --db-url, of DATABASE_URL, or of the running stack (--data, default .stepbase).`;

function options() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        version: { type: 'string' },
        app: { type: 'string' },
        run: { type: 'string' },
        json: { type: 'boolean', default: false },
        'db-url': { type: 'string' },
        data: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    return { values, positionals };
  } catch (error) {
    throw new ExplainError(`${(error as Error).message}\n${USAGE}`);
  }
}

function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw new ExplainError(`--version must be a whole number, not ${text}`);
  }
  return Number(text);
}

async function main(): Promise<void> {
  const { values, positionals } = options();
  if (values.help) {
    console.log(USAGE);
    return;
  }
  if (values.run !== undefined) {
    if (positionals.length > 0 || values.version !== undefined || values.app !== undefined) {
      throw new ExplainError(USAGE);
    }
    const answer = await readRun(databaseUrl(values['db-url'], values.data), values.run);
    console.log(values.json ? JSON.stringify(answer, null, 2) : runToText(answer));
    return;
  }
  const [workflow, ...more] = positionals;
  if (workflow === undefined || more.length > 0) throw new ExplainError(USAGE);
  const plan = await readPlan(databaseUrl(values['db-url'], values.data), {
    workflow,
    version: wholeNumber(values.version),
    app: values.app,
  });
  console.log(values.json ? JSON.stringify(plan, null, 2) : toTable(plan));
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ExplainError || error instanceof NoDatabaseError)) throw error;
  console.error(`explain: ${error.message}`);
  process.exitCode = 1;
}
