// Writes the step_types migration from the descriptors in functions/_shared/step-types.
// With --check it writes nothing and fails if the file differs. A path replaces that of the migration.

import { readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { stepTypes } from '../functions/_shared/step-types/index.ts';
import { ROOT } from './stack/options.ts';
import { stepTypesMigration } from './step-types/migration.ts';

const FILE = join(ROOT, 'supabase', 'migrations', '20261101000210_step_types.sql');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { check: { type: 'boolean', default: false } },
});
const file = positionals[0] ?? FILE;
const name = relative(ROOT, file);
const wanted = stepTypesMigration(stepTypes);
if (!values.check) {
  await writeFile(file, wanted);
  console.log(`${name}: ${stepTypes.length} step types`);
} else if ((await readFile(file, 'utf8').catch(() => '')) !== wanted) {
  console.error(
    `${name} differs from functions/_shared/step-types; run: node scripts/step-types.ts`,
  );
  process.exitCode = 1;
}
