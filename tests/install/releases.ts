// The releases that the upgrade test starts from: their migrations, applied with the Supabase CLI, and their functions.
//
// A made-up release is this tree with a lower version. A real one is the tree of the commit that froze it.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { EDGE_FUNCTIONS, functionOptions } from '../../scripts/bundle.ts';
import { type Manifest, migrationsFolder } from '../../scripts/release/manifest.ts';
import { supabase } from '../../scripts/stack/migrate.ts';
import { ROOT } from '../../scripts/stack/options.ts';
import { withoutTls } from '../../scripts/stack/postgres/connection.ts';
import { atFileEnd } from '../support/file-end.ts';
import { stackInfo } from '../support/stack.ts';

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'stepbase-release-'));
  atFileEnd(async () => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** Applies these migrations of supabase/migrations, and further ones, as `supabase db push` of a project does. */
export async function applyMigrations(
  url: string,
  names: readonly string[],
  further: Readonly<Record<string, string>> = {},
): Promise<void> {
  const project = folder();
  const migrations = migrationsFolder(project);
  mkdirSync(migrations, { recursive: true });
  for (const name of names) cpSync(join(migrationsFolder(ROOT), name), join(migrations, name));
  for (const [name, text] of Object.entries(further)) writeFileSync(join(migrations, name), text);
  await supabase(
    ['db', 'push', `--remote=${withoutTls(url)}`, '--include-all', '--yes', '--workdir', project],
    join(stackInfo().data_dir, 'logs', 'upgrade.log'),
  );
}

/** The tree of a release: of the commit that added its manifest, or this tree before that commit. */
export function treeOf({ version }: Manifest): string {
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'safe.directory=*', ...args], { cwd: ROOT, maxBuffer: 2 ** 30 });
  const commit = git(
    'log',
    '--diff-filter=A',
    '--format=%H',
    '-1',
    '--',
    `releases/${version}.json`,
  )
    .toString()
    .trim();
  if (commit === '') return ROOT;
  const tree = folder();
  const archive = git('archive', '--format=tar', commit, 'functions', 'package.json', 'deno.json');
  execFileSync('tar', ['-x', '-C', tree], { input: archive });
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
  return tree;
}

const withVersion = (version: string): Plugin => ({
  name: 'version',
  setup({ onLoad }) {
    onLoad({ filter: /functions[\\/]_shared[\\/]version\.ts$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll(
        /(VERSION|SCHEMA_FROM) = '[^']+'/g,
        `$1 = '${version}'`,
      ),
      loader: 'ts',
    }));
  },
});

/** Bundles the functions of a tree, with another version if one is given, and returns their files by name. */
export async function bundleOf(tree: string, version?: string): Promise<Record<string, string>> {
  const out = folder();
  const files = Object.entries(EDGE_FUNCTIONS).map(async ([name, source]) => {
    const outfile = join(out, `${name}.js`);
    await build({
      ...functionOptions,
      absWorkingDir: tree,
      entryPoints: [join(tree, 'functions', source, 'index.ts')],
      outfile,
      plugins: [
        ...(version === undefined ? [] : [withVersion(version)]),
        ...functionOptions.plugins,
      ],
    });
    return [name, outfile] as const;
  });
  return Object.fromEntries(await Promise.all(files));
}
