// Writes the migration of the step types from the descriptors in functions/_shared/step-types. Once that is released,
// further changes go into a new migration <time>_step_types.sql, until that one is released, too.
// With --check it writes nothing and fails if the newest one differs. A path replaces that of the migration.

import { readFile, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { stepTypes } from '../functions/_shared/step-types/index.ts';
import {
  currentMigrations,
  migrationsFolder,
  prefixAfter,
  readManifests,
} from './release/manifest.ts';
import { ROOT } from './stack/options.ts';
import { stepTypesMigration, stepTypesUpdate } from './step-types/migration.ts';

const FIRST = '20261101000210_step_types.sql';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { check: { type: 'boolean', default: false } },
});
const names = (await currentMigrations(ROOT)).map(({ name }) => name);
const newest = names.filter((name) => name.endsWith('_step_types.sql')).at(-1) ?? FIRST;
const file = positionals[0] ?? join(migrationsFolder(ROOT), newest);
const isUpdate = positionals[0] === undefined && basename(file) !== FIRST;
const wanted = isUpdate ? stepTypesUpdate(stepTypes) : stepTypesMigration(stepTypes);
const isEqual = (await readFile(file, 'utf8').catch(() => '')) === wanted;

/** The file to write: another one if this one is released. */
async function target(): Promise<{ path: string; text: string }> {
  const released = (await readManifests(ROOT)).flatMap(({ migrations }) => migrations);
  if (positionals[0] !== undefined || !released.some(({ name }) => name === newest)) {
    return { path: file, text: wanted };
  }
  const name = `${prefixAfter(names, new Date())}_step_types.sql`;
  return { path: join(migrationsFolder(ROOT), name), text: stepTypesUpdate(stepTypes) };
}

if (values.check && !isEqual) {
  const name = relative(ROOT, file);
  console.error(
    `${name} differs from functions/_shared/step-types; run: node scripts/step-types.ts`,
  );
  process.exitCode = 1;
} else if (!values.check) {
  const { path, text } = isEqual ? { path: file, text: wanted } : await target();
  if (!isEqual) await writeFile(path, text);
  console.log(`${relative(ROOT, path)}: ${stepTypes.length} step types`);
}
