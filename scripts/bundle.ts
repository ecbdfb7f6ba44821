// `npm run bundle`: one file per Edge Function, in dist/functions/<name>/index.js. supabase/config.toml deploys these:
// the sources with their packages exceed the size that the platform accepts, and start four times as slowly.
//
// Only `node:` imports remain in a file. `--json` prints the sizes for programs.

import { readFile, rm } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { notingPackages } from './release/notices.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** The platform refuses 5 MB; cold starts grow with the size. */
export const MAX_BYTES = 4_000_000;

/** The name of each Edge Function and its folder below functions/. */
export const EDGE_FUNCTIONS: Readonly<Record<string, string>> = {
  'stepbase-api': 'api',
  'stepbase-worker': 'worker',
};

/** The packages whose code the bundles of this process contain. */
export const bundledPackages = new Set<string>();

const withPrefix = (name: string) => (name.startsWith('node:') ? name : `node:${name}`);

/** Imports of Node's modules stay; `require` of one becomes an import, because ES modules have no require. */
const builtins: Plugin = {
  name: 'builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[a-z:_/]+$/ }, ({ path, kind }) => {
      if (!isBuiltin(path)) return undefined;
      return kind === 'require-call'
        ? { path: withPrefix(path), namespace: 'required' }
        : { path: withPrefix(path), external: true };
    });
    onLoad({ filter: /.*/, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = require('imported:${path}').default;`,
    }));
    onResolve({ filter: /^imported:/ }, ({ path }) => ({
      path: path.slice('imported:'.length),
      namespace: 'imported',
    }));
    onLoad({ filter: /.*/, namespace: 'imported' }, ({ path }) => ({
      contents: `export { default } from '${path}';`,
    }));
  },
};

/** What pg requires only if an application asks for it; nothing here does. */
const absent: Plugin = {
  name: 'absent',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^pg-native$/ }, ({ path }) => ({ path, namespace: 'absent' }));
    onLoad({ filter: /.*/, namespace: 'absent' }, ({ path }) => ({
      contents: `throw new Error('${path} is not part of the bundle');`,
    }));
  },
};

/**
 * Packages that are imported, but of which the functions use nothing: schedules of pg-boss (cron-parser brings luxon), the AI
 * SDK's own service.
 */
const unused: Plugin = {
  name: 'unused',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(rrule-temporal|cron-parser|@ai-sdk\/gateway)$/ }, ({ path }) => ({
      path,
      namespace: 'unused',
    }));
    onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/** zod with the messages of one language: those of the others would be a fifteenth of the bundle. */
const english: Plugin = {
  name: 'english',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, ({ path }) => ({
      contents: `export { default as en } from './en.js';`,
      resolveDir: dirname(path),
    }));
  },
};

/** The AI SDK with short names: with its own names, it would be a quarter of the bundle. */
const shortened: Plugin = {
  name: 'shortened',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]worker[\\/]models[\\/]sdk\.ts$/ }, async ({ path }) => {
      const { outputFiles } = await build({
        ...options,
        entryPoints: [path],
        write: false,
        minify: true,
        external: ['zod', 'zod/*', 'node:*'],
        plugins: [notingPackages(bundledPackages), unused],
      });
      return { contents: outputFiles[0]?.text ?? '', resolveDir: dirname(path) };
    });
  },
};

const options = {
  absWorkingDir: ROOT,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'es2023',
  // The entry that browsers and workers get has no `require`.
  conditions: ['deno', 'worker'],
  mainFields: ['module', 'main'],
  charset: 'utf8',
  legalComments: 'eof',
  logLevel: 'warning',
} as const satisfies BuildOptions;

/** For a bundle with the code of a function. */
export const functionOptions = {
  ...options,
  // Names stay, so that stack traces can be read.
  minifyWhitespace: true,
  minifySyntax: true,
  inject: [join(ROOT, 'scripts', 'bundle-globals.ts')],
  plugins: [notingPackages(bundledPackages), builtins, absent, unused, english, shortened],
} satisfies BuildOptions;

export interface Bundle {
  name: string;
  file: string;
  bytes: number;
}

/** Writes the files below `folder` (default dist/functions) and returns them. */
export async function bundle(folder = join(ROOT, 'dist', 'functions')): Promise<Bundle[]> {
  await rm(folder, { recursive: true, force: true });
  return await Promise.all(
    Object.entries(EDGE_FUNCTIONS).map(async ([name, source]) => {
      const file = join(folder, name, 'index.js');
      await build({
        entryPoints: [join(ROOT, 'functions', source, 'index.ts')],
        outfile: file,
        ...functionOptions,
      });
      return { name, file, bytes: (await readFile(file)).byteLength };
    }),
  );
}

if (import.meta.main) {
  const bundles = await bundle();
  if (process.argv.includes('--json')) console.log(JSON.stringify(bundles));
  else {
    for (const { file, bytes } of bundles) {
      console.log(`${(bytes / 1e6).toFixed(2)} MB  ${file.slice(ROOT.length)}`);
    }
  }
  const large = bundles.filter(({ bytes }) => bytes > MAX_BYTES);
  for (const { name, bytes } of large) {
    console.error(`${name} has ${bytes} bytes; the limit is ${MAX_BYTES}`);
  }
  process.exitCode = large.length === 0 ? 0 : 1;
}
