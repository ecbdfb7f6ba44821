// `npm run compile -- <workflow> --out DIR`: writes a published version as a TypeScript project for Temporal, and stores
// its code as the active compilation of the version.

import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { compileWorkflow, typesOf } from '../functions/_shared/compile/index.ts';
import {
  publishedVersions,
  type StoredVersion,
  storeCompilation,
} from '../functions/_shared/compile/queries.ts';
import type { Query } from '../functions/_shared/db/pool.ts';
import { buildLibrary } from './compile/library.ts';
import { writeProject } from './compile/write.ts';
import { databaseUrl } from './database/url.ts';

const USAGE = `usage: npm run compile -- <workflow> --out DIR [--version N] [--app CODE] [--db-url URL | --data DIR] [--json]
Reads the database of --db-url, of DATABASE_URL, or of the running stack (--data, default .stepbase).
The directory must be new, empty, or hold an earlier compilation.`;

/** The only one of them. */
function onlyVersion(
  versions: readonly StoredVersion[],
  workflow: string,
  { app, version }: { app: string | undefined; version: number | undefined },
): StoredVersion {
  const [first, ...others] = versions;
  if (first === undefined) {
    const name = version === undefined ? workflow : `version ${version} of ${workflow}`;
    throw new Error(`${name} is not published${app === undefined ? '' : ` in ${app}`}`);
  }
  if (others.length === 0) return first;
  const apps = versions.map(({ app_code }) => app_code).join(' and ');
  throw new Error(`${workflow} exists in ${apps}: name one with --app`);
}

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
    const query: Query = async <R extends object>(text: string, given?: readonly unknown[]) =>
      (await db.query(text, given && [...given])).rows as R[];
    const wanted = { app: values.app, version: number };
    const version = onlyVersion(await publishedVersions(query, workflow, wanted), workflow, wanted);
    const compiled = compileWorkflow(version, await buildLibrary(typesOf(version)));
    const folder = resolve(values.out);
    await writeProject(folder, compiled.files);
    await query('begin');
    const id = await storeCompilation(query, version, compiled);
    await query('commit');
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
