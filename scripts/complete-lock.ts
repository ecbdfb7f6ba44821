// Completes package-lock.json: programs that npm installs for each platform (biome, deno, supabase …) are optional
// dependencies. npm omits those that it could not look up when it wrote the lock file, and `npm ci` then refuses the
// file on every machine. Run this after `npm install`; `--check` writes nothing.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const LOCK = fileURLToPath(new URL('../package-lock.json', import.meta.url));

interface LockEntry {
  /** The name in the registry, where the package is installed under an alias. */
  name?: string;
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

export interface Lock {
  packages: Record<string, LockEntry>;
}

/** The platform of `@deno/linux-arm64-glibc`; undefined if the name does not contain one. */
export function platformOf(name: string): Pick<LockEntry, 'os' | 'cpu' | 'libc'> | undefined {
  const match =
    /(android|darwin|linux|freebsd|win32|windows)-(arm64|x64|arm|ia32)(?:-(musl|glibc|gnu))?$/.exec(
      name,
    );
  if (!match) return undefined;
  const [, os = '', cpu = '', libc] = match;
  return {
    cpu: [cpu],
    ...(libc ? { libc: [libc === 'musl' ? 'musl' : 'glibc'] } : {}),
    os: [os === 'windows' ? 'win32' : os],
  };
}

/** The entries that are missing, by their key in `packages`. */
export function missingEntries(lock: Lock): Record<string, LockEntry> {
  const missing: Record<string, LockEntry> = {};
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
      const nested = `${path}/node_modules/${name}`;
      const root = `node_modules/${name}`;
      if (lock.packages[nested] || lock.packages[root]) continue;
      const [, alias, version = range] = /^npm:(.+)@([^@]+)$/.exec(range) ?? [];
      const platform = platformOf(alias ?? name);
      if (!platform || !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) continue;
      missing[root] = {
        ...(alias ? { name: alias } : {}),
        version,
        cpu: platform.cpu ?? [],
        ...(entry.dev ? { dev: true } : {}),
        ...(platform.libc ? { libc: platform.libc } : {}),
        optional: true,
        os: platform.os ?? [],
      };
    }
  }
  return missing;
}

if (import.meta.main) {
  const lock = JSON.parse(readFileSync(LOCK, 'utf8')) as Lock;
  const missing = missingEntries(lock);
  const names = Object.keys(missing);
  if (process.argv.includes('--check')) {
    for (const name of names) console.error(`package-lock.json lacks ${name}`);
    process.exitCode = names.length === 0 ? 0 : 1;
  } else if (names.length > 0) {
    const all = Object.entries({ ...lock.packages, ...missing });
    all.sort(([a], [b]) => a.localeCompare(b, 'en'));
    lock.packages = Object.fromEntries(all);
    writeFileSync(LOCK, `${JSON.stringify(lock, null, 2)}\n`);
    console.log(`added ${names.length}: ${names.join(', ')}`);
  }
}
