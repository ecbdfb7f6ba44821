// `npm run explain -- <workflow>`: prints how the engine understands a workflow, with warnings.

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ExplainError, readPlan } from './explain/plan.ts';
import { toTable } from './explain/table.ts';
import { DEFAULT_DATA_DIR, ROOT } from './stack/options.ts';

const USAGE = `usage: npm run explain -- <workflow> [--version N] [--app CODE] [--json]
                              [--db-url URL | --data DIR]
Reads the database of --db-url, of DATABASE_URL, or of the running stack (--data, default .stepbase).`;

function options() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        version: { type: 'string' },
        app: { type: 'string' },
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

function dbUrl(given: string | undefined, data: string | undefined): string {
  if (given) return given;
  if (data === undefined && process.env.DATABASE_URL) return process.env.DATABASE_URL;
  const file = join(
    data === undefined ? join(ROOT, DEFAULT_DATA_DIR) : resolve(data),
    'stack.json',
  );
  if (!existsSync(file)) {
    throw new ExplainError(
      `no stack is running here (${file} does not exist): run npm start, or give --db-url`,
    );
  }
  return (JSON.parse(readFileSync(file, 'utf8')) as { db_url: string }).db_url;
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
  const [workflow, ...more] = positionals;
  if (workflow === undefined || more.length > 0) throw new ExplainError(USAGE);
  const plan = await readPlan(dbUrl(values['db-url'], values.data), {
    workflow,
    version: wholeNumber(values.version),
    app: values.app,
  });
  console.log(values.json ? JSON.stringify(plan, null, 2) : toTable(plan));
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ExplainError)) throw error;
  console.error(`explain: ${error.message}`);
  process.exitCode = 1;
}
