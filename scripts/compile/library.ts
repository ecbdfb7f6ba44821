// The library of a compiled project: the workflow runtime as its source, and the step handlers that it uses as one bundle
// whose packages come from npm.

import { readdir, readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { handlerName } from '../../functions/_shared/compile/activities-code.ts';
import type { Library } from '../../functions/_shared/compile/index.ts';
import type { Lock } from '../../functions/_shared/compile/lock.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The files of the handlers that share one with others. Each other type has a file of its own name. */
const FILES: Readonly<Record<string, string>> = {
  storage_read: 'storage',
  storage_write: 'storage',
  work_queue_push: 'work-queue',
  work_queue_pop: 'work-queue',
  send_signal: 'external-run',
  query_run: 'external-run',
};

const fileOf = (type: string): string => FILES[type] ?? type.replaceAll('_', '-');

/** `types`: the step types of the workflow. */
export async function buildLibrary(
  types: readonly string[],
): Promise<Library & { packages: string[] }> {
  const [runtime, bundle, locks] = await Promise.all([
    readRuntime(),
    bundleActivities(types),
    readLocks(),
  ]);
  return { files: { ...runtime, 'activities.js': bundle.text }, locks, packages: bundle.packages };
}

async function readRuntime(): Promise<Record<string, string>> {
  const folder = join(ROOT, 'temporal', 'runtime');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.ts')).sort();
  const paths = [...names.map((name) => `runtime/${name}`), 'records.ts'];
  const texts = await Promise.all(
    paths.map((path) => readFile(join(ROOT, 'temporal', path), 'utf8')),
  );
  return Object.fromEntries(paths.map((path, at) => [path, texts[at] ?? '']));
}

async function bundleActivities(
  types: readonly string[],
): Promise<{ text: string; packages: string[] }> {
  const exports = types.map(
    (type) => `export { ${handlerName(type)} } from './functions/worker/steps/${fileOf(type)}.ts';`,
  );
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: [
        "export { runWorker, step } from './temporal/activities/index.ts';",
        ...exports,
      ].join('\n'),
      resolveDir: ROOT,
      loader: 'ts',
    },
    bundle: true,
    write: false,
    metafile: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node22',
    charset: 'utf8',
    banner: {
      js: '// The step handlers of Stepbase, bundled from functions/worker and temporal/activities.',
    },
    outfile: 'activities.js',
    logLevel: 'silent',
  });
  const imported = Object.values(metafile.outputs).flatMap(({ imports }) => imports);
  const packages = imported
    .filter(({ external, path }) => external === true && !isBuiltin(path))
    .map(({ path }) => path.split('/', path.startsWith('@') ? 2 : 1).join('/'));
  return { text: outputFiles[0]?.text ?? '', packages: [...new Set(packages)] };
}

const readLocks = (): Promise<Lock[]> =>
  Promise.all(
    [join(ROOT, 'temporal'), ROOT].map(
      async (folder) =>
        JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8')) as Lock,
    ),
  );
