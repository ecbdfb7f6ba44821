// Builds dist/ of the package: a bundle with the worker, sql.json with the SQL of a database, and the types of the calls.

import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build, type Plugin } from 'esbuild';
import { bundledPackages, functionOptions } from '../scripts/bundle.ts';
import { NOTICES, noticesOf } from '../scripts/release/notices.ts';
import { readSources } from './src/sources.ts';

const HERE = import.meta.dirname;
const DIST = join(HERE, 'dist');
const BIN = join(HERE, '..', 'node_modules', '.bin');
/** The files whose declarations users read; they import no others but the SDK. */
const TYPES = ['index', 'global-setup', 'api', 'answers', 'handler', 'record'];

/** In the package, the SQL comes from one file. */
const packedSources: Plugin = {
  name: 'packed-sources',
  setup({ onLoad }) {
    onLoad({ filter: /test-kit[\\/]src[\\/]sources\.ts$/ }, () => ({
      contents: `import { readFile } from 'node:fs/promises';
        export const readSources = async () =>
          JSON.parse(await readFile(new URL('./sql.json', import.meta.url), 'utf8'));`,
      loader: 'js',
    }));
  },
};

/** Mocks answer for models, so the kit has no client for them. */
const withoutModels: Plugin = {
  name: 'without-models',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]worker[\\/]models[\\/]sdk\.ts$/ }, async ({ path }) => {
      const lists = (await readFile(path, 'utf8')).matchAll(/^export \{([^}]*)\} from/gm);
      const names = [...lists].flatMap(([, list = '']) => list.split(','));
      const contents = names.map((name) => `export const ${name.trim()} = undefined;`).join('\n');
      return { contents };
    });
  },
};

async function bundle(): Promise<void> {
  await build({
    ...functionOptions,
    entryPoints: ['index', 'global-setup'].map((name) => join(HERE, 'src', `${name}.ts`)),
    outdir: DIST,
    splitting: true,
    chunkNames: 'chunk-[hash]',
    // Threads load a file of their own; the code of a test may run in this one.
    define: { Worker: 'undefined' },
    external: ['@supabase/lite', '@supabase/lite/postgres'],
    // The first plugin of functionOptions sees what these two leave to it.
    plugins: [packedSources, withoutModels, ...functionOptions.plugins],
  });
}

async function declare(): Promise<void> {
  await promisify(execFile)(join(BIN, 'tsc'), ['-p', join(HERE, 'tsconfig.build.json')]);
  for (const name of TYPES) {
    const text = await readFile(join(DIST, 'types', 'test-kit', 'src', `${name}.d.ts`), 'utf8');
    const packed = text
      .replaceAll(/^\/\/\/ <reference .*\n/gm, '')
      .replaceAll(/'\.\.\/\.\.\/sdk\/src\/(workflow|serve)\/index\.[jt]s'/g, "'stepbase/$1'")
      .replaceAll(/'\.\.\/\.\.\/sdk\/src\/index\.[jt]s'/g, "'stepbase'");
    if (packed.includes("'../../")) throw new Error(`${name}.d.ts names a file outside of src/`);
    await writeFile(join(DIST, `${name}.d.ts`), packed);
  }
  await rm(join(DIST, 'types'), { recursive: true });
}

await rm(DIST, { recursive: true, force: true });
await mkdir(DIST);
const sql = readSources().then((sources) =>
  writeFile(join(DIST, 'sql.json'), JSON.stringify(sources)),
);
await Promise.all([sql, bundle(), declare()]);
await writeFile(join(DIST, NOTICES), noticesOf(bundledPackages));
