// Draws the diagrams of docs/schema.md anew from a migrated database.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { diagrams, withDiagrams } from './database/diagrams.ts';
import { withDatabase } from './database/target.ts';
import { ROOT } from './stack/options.ts';

const PAGE = join(ROOT, 'docs', 'schema.md');
const { values } = parseArgs({ options: { 'db-url': { type: 'string' } } });

const drawings = await withDatabase(values['db-url'], diagrams);
writeFileSync(PAGE, withDiagrams(readFileSync(PAGE, 'utf8'), drawings));
console.log('docs/schema.md: diagrams drawn');
