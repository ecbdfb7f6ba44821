// Builds the package: one file with the parts of the SDK that it uses. Only commander stays a dependency.
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

rmSync(at('dist'), { recursive: true, force: true });
await build({
  entryPoints: [at('src/main.ts')],
  outfile: at('dist/main.js'),
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node22.18',
  external: ['commander'],
  logLevel: 'warning',
});
