// `npm run export -- --app CODE --out DIR`: writes the rows of an application as JSON lines, one file for each table.

import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { databaseUrl } from './database/url.ts';
import { exportApplication } from './export/export.ts';

const USAGE = `usage: npm run export -- --app CODE --out DIR [--db-url URL | --data DIR] [--json]
Reads the database of --db-url, of DATABASE_URL, or of the running stack (--data, default .stepbase).
The directory must be empty or new.`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      app: { type: 'string' },
      out: { type: 'string' },
      'db-url': { type: 'string' },
      data: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  if (values.app === undefined || values.out === undefined) throw new Error(USAGE);
  const counts = await exportApplication(
    databaseUrl(values['db-url'], values.data),
    values.app,
    resolve(values.out),
  );
  if (values.json) console.log(JSON.stringify(counts));
  else for (const [table, rows] of Object.entries(counts)) console.log(`${table}: ${rows} rows`);
}

try {
  await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
