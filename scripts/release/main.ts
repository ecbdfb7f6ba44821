// `npm run release -- version | freeze | pack | check`: the steps of a release (docs/internals/releases.md).

import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { ROOT } from '../stack/options.ts';
import { publicationProblems, releaseProblems } from './check.ts';
import { currentMigrations, readManifests, writeManifest } from './manifest.ts';
import { packageVersion } from './places.ts';
import { makeVersion } from './version.ts';

const USAGE = `usage: npm run release -- version [--oldest-functions V] [--oldest-client V]
                     the next version from the changesets, in every place
       npm run release -- freeze
                     write releases/<version>.json with the hash of each migration
       npm run release -- check [--published] [--tag vX.Y.Z]
                     compare all versions and the frozen migrations
       npm run release -- pack
                     write the three packages to dist/packages`;

class UsageError extends Error {}

/** Throws a list of problems as one error. */
function refuse(problems: readonly string[]): void {
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
}

async function freeze(): Promise<void> {
  refuse(await releaseProblems(ROOT));
  const version = await packageVersion(ROOT);
  if ((await readManifests(ROOT)).some((one) => one.version === version)) {
    throw new UsageError(
      `${version} is frozen already: npm run release -- version makes the next one`,
    );
  }
  const migrations = await currentMigrations(ROOT);
  await writeManifest(ROOT, { version, migrations });
  console.log(`releases/${version}.json: ${migrations.length} migrations`);
}

async function pack(): Promise<void> {
  refuse(await releaseProblems(ROOT));
  const folder = join(ROOT, 'dist', 'packages');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const { stdout } = await promisify(execFile)(
    'npm',
    ['pack', './sdk', './test-kit', './cli', '--pack-destination', folder, '--silent'],
    { cwd: ROOT },
  );
  for (const name of stdout.trim().split('\n')) console.log(join('dist', 'packages', name));
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      'oldest-functions': { type: 'string' },
      'oldest-client': { type: 'string' },
      published: { type: 'boolean', default: false },
      tag: { type: 'string' },
    },
  });
  switch (positionals.join(' ')) {
    case 'version': {
      const { version, migration } = await makeVersion(ROOT, {
        oldestFunctions: values['oldest-functions'],
        oldestClient: values['oldest-client'],
      });
      console.log(
        `${version}${migration === undefined ? '' : `, with supabase/migrations/${migration}`}`,
      );
      console.log('Next: npm run docs, npm run release -- freeze, and commit');
      return;
    }
    case 'freeze':
      return await freeze();
    case 'pack':
      return await pack();
    case 'check': {
      const isPublished = values.published || values.tag !== undefined;
      refuse(await (isPublished ? publicationProblems(ROOT, values.tag) : releaseProblems(ROOT)));
      const releases = (await readManifests(ROOT)).length;
      console.log(`version ${await packageVersion(ROOT)}; ${releases} releases are frozen`);
      return;
    }
    default:
      throw new UsageError(USAGE);
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof Error)) throw error;
  console.error(error instanceof UsageError ? error.message : `release: ${error.message}`);
  process.exitCode = 1;
}
