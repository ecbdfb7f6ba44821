// `npm run compile -- <workflow> --out DIR`: writes a published version as a TypeScript project for Temporal, and stores
// its code as the active compilation of the version.

import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { compileWorkflow, typesOf } from '../functions/_shared/compile/index.ts';
import { buildLibrary } from './compile/library.ts';
import { readVersion, storeCompilation } from './compile/store.ts';
import { writeProject } from './compile/write.ts';
import { databaseUrl } from './database/url.ts';

const USAGE = `usage: npm run compile -- <workflow> --out DIR [--version N] [--app CODE] [--db-url URL | --data DIR] [--json]
Reads the database of --db-url, of DATABASE_URL, or of the running stack (--data, default .stepbase).
The directory must be new, empty, or hold an earlier compilation.`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      out: { type: 'string' },
      version: { type: 'string' },
      app: { type: 'string' },
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
  const [workflow] = positionals;
  if (workflow === undefined || values.out === undefined) throw new Error(USAGE);
  const number = values.version === undefined ? undefined : Number(values.version);
  if (number !== undefined && !Number.isInteger(number)) throw new Error('--version is a number');
  const db = new pg.Client({ connectionString: databaseUrl(values['db-url'], values.data) });
  await db.connect();
  try {
    const version = await readVersion(db, workflow, { app: values.app, version: number });
    const compiled = compileWorkflow(version, await buildLibrary(typesOf(version)));
    const folder = resolve(values.out);
    await writeProject(folder, compiled.files);
    const id = await storeCompilation(db, version, compiled);
    const files = Object.keys(compiled.files).sort();
    const { temporal_workflow_type: type } = compiled;
    if (values.json) {
      console.log(JSON.stringify({ id, type, version: version.version, folder, files }));
      return;
    }
    console.log(`${workflow}, version ${version.version}: ${files.length} files in ${folder}`);
    console.log(
      `Workflow type ${type}. Next: cd ${values.out} && npm ci && npx tsc --noEmit && npm start`,
    );
  } finally {
    await db.end();
  }
}

try {
  await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
