// Keeps deno.json of each function (with which a hosted deployment resolves imports) equal to the imports of the
// function, at the versions of package-lock.json (which everything uses locally). `node scripts/deno-imports.ts` writes
// the files; `--check` only reports whether they are current.
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const FUNCTIONS = ['api', 'worker'] as const;

/** Static and dynamic imports with a literal specifier; type-only imports do not exist after compilation. */
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s(?!type\s)(?:[^'";]*?\sfrom\s)?\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g;

const Lock = z.object({
  packages: z.record(z.string(), z.object({ version: z.string().optional() })),
});

/** The bare specifiers that the module graph below `entry` imports, sorted. */
export async function bareImports(entry: string): Promise<string[]> {
  const seen = new Set<string>();
  const bare = new Set<string>();
  const queue = [resolve(ROOT, entry)];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (seen.has(file) || !existsSync(file)) continue;
    seen.add(file);
    const source = await readFile(file, 'utf8');
    for (const [, fixed, dynamic] of source.matchAll(IMPORT)) {
      const specifier = fixed ?? dynamic ?? '';
      if (specifier.startsWith('.')) queue.push(resolve(dirname(file), specifier));
      else if (!isBuiltin(specifier) && !specifier.includes(':')) bare.add(specifier);
    }
  }
  return [...bare].sort();
}

/** 'hono/cors' → ['hono', '/cors'];  '@upstash/redis' → ['@upstash/redis', '']. */
export function splitSpecifier(specifier: string): [name: string, subpath: string] {
  const parts = specifier.split('/');
  const name = parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
  return [name, specifier.slice(name.length)];
}

/** The required content of functions/<name>/deno.json. */
export async function wantedConfig(name: string): Promise<{ imports: Record<string, string> }> {
  const lock = Lock.parse(JSON.parse(await readFile(resolve(ROOT, 'package-lock.json'), 'utf8')));
  const imports: Record<string, string> = {};
  for (const specifier of await bareImports(`functions/${name}/index.ts`)) {
    const [pkg, subpath] = splitSpecifier(specifier);
    const version = lock.packages[`node_modules/${pkg}`]?.version;
    if (version === undefined) {
      throw new Error(`functions/${name} imports ${specifier}, which package-lock.json lacks`);
    }
    imports[specifier] = `npm:${pkg}@${version}${subpath}`;
  }
  return { imports };
}

export function configFile(name: string): string {
  return resolve(ROOT, 'functions', name, 'deno.json');
}

if (import.meta.main) {
  const check = process.argv.includes('--check');
  for (const name of FUNCTIONS) {
    const wanted = `${JSON.stringify(await wantedConfig(name), null, 2)}\n`;
    if ((await readFile(configFile(name), 'utf8')) === wanted) continue;
    if (check) {
      console.error(
        `functions/${name}/deno.json is not current; run: node scripts/deno-imports.ts`,
      );
      process.exitCode = 1;
    } else {
      await writeFile(configFile(name), wanted);
      console.log(`wrote functions/${name}/deno.json`);
    }
  }
}
