// The npm packages as their users get them: packed once for all test files, until a source of theirs changes.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { lockDataDir } from '../../scripts/stack/lock.ts';
import { ROOT, StackError } from '../../scripts/stack/options.ts';
import { waitFor } from './stack.ts';

const run = promisify(execFile);

const FOLDERS = { stepbase: 'sdk', 'stepbase-test': 'test-kit', 'stepbase-cli': 'cli' } as const;
export type PackageName = keyof typeof FOLDERS;

export interface Package {
  /** Of the tarball. */
  path: string;
  version: string;
  size: number;
  files: { path: string }[];
}

/** What the builds read. */
const SOURCES = [
  ...['sdk', 'test-kit', 'cli'].flatMap((name) => [`${name}/*.*`, `${name}/src/**/*.*`]),
  'functions/**/*.ts',
  'scripts/stack/**/*.*',
  'scripts/bundle*.ts',
  'scripts/release/notices.ts',
  'docs/**/*.md',
  'supabase/migrations/*.sql',
  'package-lock.json',
];
const CACHE = join(ROOT, 'node_modules', '.cache', 'stepbase-packages');
const WAIT_MS = 120_000;

function fingerprint(): string {
  const hash = createHash('sha256');
  for (const name of globSync(SOURCES, { cwd: ROOT }).sort()) {
    hash
      .update(name)
      .update('\0')
      .update(readFileSync(join(ROOT, name)))
      .update('\0');
  }
  return hash.digest('hex').slice(0, 16);
}

async function pack(folder: string, destination: string): Promise<Package> {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', destination], {
    cwd: join(ROOT, folder),
    env: {
      ...process.env,
      PATH: `${join(ROOT, 'node_modules', '.bin')}:${process.env.PATH ?? ''}`,
    },
  });
  const [made] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as (Package & {
    filename: string;
  })[];
  if (made === undefined) throw new Error(`npm pack of ${folder} packed nothing`);
  const { filename, version, size, files } = made;
  return { path: filename, version, size, files };
}

/** Only one process builds: the builds replace the folders `dist`. */
async function lock(): Promise<() => void> {
  return await waitFor(
    'the packages are free',
    () => {
      try {
        return lockDataDir(CACHE);
      } catch (error) {
        if (error instanceof StackError) return undefined;
        throw error;
      }
    },
    WAIT_MS,
  );
}

/** The tarballs of all packages. */
export async function packages(): Promise<Record<PackageName, Package>> {
  const folder = join(CACHE, fingerprint());
  const list = join(folder, 'packages.json');
  const release = await lock();
  try {
    if (!existsSync(list)) {
      mkdirSync(folder, { recursive: true });
      const made = Object.entries(FOLDERS).map(
        async ([name, from]) => [name, await pack(from, folder)] as const,
      );
      writeFileSync(`${list}.part`, JSON.stringify(Object.fromEntries(await Promise.all(made))));
      renameSync(`${list}.part`, list);
    }
  } finally {
    release();
  }
  const packed = JSON.parse(readFileSync(list, 'utf8')) as Record<PackageName, Package>;
  for (const one of Object.values(packed)) one.path = join(folder, one.path);
  return packed;
}
