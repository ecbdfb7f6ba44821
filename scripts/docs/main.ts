// `npm run docs`: writes the generated pages of docs/ and the schema snapshot.
//   --check            writes nothing and fails when a committed file differs
//   --only files       the pages that need no database; --only database: the others
//   --db-url URL       a migrated database; without it a throw-away stack is started

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { withDatabase } from '../database/target.ts';
import { ROOT } from '../stack/options.ts';
import { API_TABLES_PATH, apiTablesFile } from './api-tables.ts';
import type { GeneratedPage } from './markdown.ts';

const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    only: { type: 'string' },
    'db-url': { type: 'string' },
  },
});
if (values.only !== undefined && !['files', 'database'].includes(values.only)) {
  throw new Error('--only must be files or database');
}

function committed(path: string): string {
  try {
    return readFileSync(join(ROOT, path), 'utf8');
  } catch {
    return '';
  }
}

/** The first line that differs, for the message of a failed check. */
function firstDifference(wanted: string, found: string): string {
  const [left, right] = [wanted.split('\n'), found.split('\n')];
  const index = left.findIndex((line, at) => line !== right[at]);
  const at = index === -1 ? left.length : index;
  return `line ${at + 1}:\n  generated: ${left[at] ?? '(end of file)'}\n  committed: ${right[at] ?? '(end of file)'}`;
}

function handle({ path, text }: GeneratedPage): void {
  const found = committed(path);
  if (found === text) {
    console.log(`ok      ${path}`);
  } else if (values.check) {
    console.log(`differs ${path}, ${firstDifference(text, found)}`);
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), text);
    console.log(`wrote   ${path}`);
  }
}

// Each source comes before the pages that are made of it: the snapshot of the schema, the tables of the HTTP API.
if (values.only !== 'files') {
  const { databasePages } = await import('./database-pages.ts');
  (await withDatabase(values['db-url'], databasePages)).forEach(handle);
}
if (values.only !== 'database') {
  handle({ path: API_TABLES_PATH, text: apiTablesFile() });
  const { filePages } = await import('./pages.ts');
  filePages().forEach(handle);
}
if (process.exitCode === 1) console.log('Run `npm run docs` and commit the result.');
