// Builds the package: the program with the parts of the SDK that it uses, and the files that it installs into projects.
// Only commander stays a dependency.
import { cpSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { pruneLock } from '../functions/_shared/compile/lock.ts';
import { DEV_PACKAGES, packagesOf, typesByVariant } from '../functions/_shared/compile/packages.ts';
import { stepTypes } from '../functions/_shared/step-types/index.ts';
import { bundle, bundledPackages } from '../scripts/bundle.ts';
import { buildLibrary } from '../scripts/compile/library.ts';
import { NOTICES, noticesOf, notingPackages } from '../scripts/release/notices.ts';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
/** `node build.ts FOLDER` builds there instead of in dist. */
const [, , dist = at('dist')] = process.argv;

rmSync(dist, { recursive: true, force: true });
await Promise.all([
  build({
    entryPoints: { main: at('src/main.ts'), 'folder-thread': at('src/dev/folder-thread.ts') },
    outdir: dist,
    bundle: true,
    // The client of PostgreSQL is loaded only by the commands that connect to a database.
    splitting: true,
    chunkNames: 'chunk-[hash]',
    format: 'esm',
    platform: 'node',
    target: 'node22.18',
    external: ['commander', 'pg-native'],
    plugins: [notingPackages(bundledPackages)],
    // pg requires modules of Node.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    logLevel: 'warning',
  }),
  bundle(join(dist, 'assets/functions')),
]);
cpSync(at('../supabase/migrations'), join(dist, 'assets/migrations'), { recursive: true });
cpSync(at('../supabase/uninstall.sql'), join(dist, 'assets/uninstall.sql'));
// The pages that messages name. Their pictures stay in the repository.
cpSync(at('../docs'), join(dist, 'docs'), {
  recursive: true,
  filter: (path) => extname(path) === '.md' || statSync(path).isDirectory(),
});
rmSync(join(dist, 'docs/images'), { recursive: true, force: true });

// The libraries of projects for Temporal: one for each set of packages that they can need.
const libraries = join(dist, 'assets/temporal');
mkdirSync(libraries, { recursive: true });
const types = stepTypes.map(({ name }) => name);
for (const [variant, some] of Object.entries(typesByVariant(types))) {
  const { files, locks } = await buildLibrary(some);
  const manifest = {
    ...{ name: variant, version: '0.0.0' },
    ...{ dependencies: packagesOf(some), devDependencies: { ...DEV_PACKAGES } },
  };
  const library = { files, locks: [pruneLock(manifest, locks)] };
  writeFileSync(join(libraries, `${variant}.json`), JSON.stringify(library));
}

writeFileSync(join(dist, NOTICES), noticesOf(bundledPackages));
