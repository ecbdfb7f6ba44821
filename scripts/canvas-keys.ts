// Writes the canvas_keys migration from the types of @xyflow/react.
// With --check it writes nothing and fails if the file differs. A path replaces that of the migration.

import { readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { canvasKeysMigration } from './canvas-keys/migration.ts';
import { readCanvasTypes } from './canvas-keys/read.ts';
import { ROOT } from './stack/options.ts';

const FILE = join(ROOT, 'supabase', 'migrations', '20261101000524_canvas_keys.sql');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { check: { type: 'boolean', default: false } },
});
const file = positionals[0] ?? FILE;
const name = relative(ROOT, file);
const types = await readCanvasTypes();
const wanted = canvasKeysMigration(types);
if (!values.check) {
  await writeFile(file, wanted);
  console.log(`${name}: ${types.node.length} keys of nodes, ${types.edge.length} of edges`);
} else if ((await readFile(file, 'utf8').catch(() => '')) !== wanted) {
  console.error(
    `${name} differs from the types of @xyflow/react; run: node scripts/canvas-keys.ts`,
  );
  process.exitCode = 1;
}
