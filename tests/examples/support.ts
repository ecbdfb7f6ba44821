// The examples as a newcomer gets them: copied to a folder outside of the repository, with the packed packages of this
// revision installed by npm.

import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { denoVariables } from '../../scripts/stack/functions.ts';
import { ROOT } from '../../scripts/stack/options.ts';
import { atFileEnd } from '../support/file-end.ts';
import { type PackageName, packages } from '../support/packages.ts';

const execute = promisify(execFile);

export interface Output {
  stdout: string;
  stderr: string;
}

export interface Examples {
  folder: string;
  /** Runs a program in the folder of an example; rejects with its output if it fails. */
  run(example: string, program: string, args: readonly string[], more?: Env): Promise<Output>;
  /** The environment of programs. */
  env: NodeJS.ProcessEnv;
}

type Env = Readonly<Record<string, string>>;

interface Manifest {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

/** The range of an example must admit the packed version, which its tarball replaces. */
async function withTarballs(manifest: Manifest): Promise<Manifest> {
  const packed = await packages();
  const replaced = (given: Record<string, string> = {}) =>
    Object.fromEntries(
      Object.entries(given).map(([name, range]) => {
        if (!(name in packed)) return [name, range];
        const { path, version } = packed[name as PackageName];
        if (range !== `^${version}`) throw new Error(`${name} is ${version}, not ${range}`);
        return [name, `file:${path}`];
      }),
    );
  return {
    ...manifest,
    dependencies: replaced(manifest.dependencies),
    devDependencies: replaced(manifest.devDependencies),
  };
}

/** Several examples share one installation: they are the workspaces of a folder. */
export async function installExamples(names: readonly string[]): Promise<Examples> {
  const folder = mkdtempSync(join(tmpdir(), 'stepbase-examples-'));
  atFileEnd(() => rmSync(folder, { recursive: true, force: true }));
  const env = {
    ...process.env,
    ...denoVariables(),
    PATH: `${join(folder, 'node_modules', '.bin')}:${join(ROOT, 'node_modules', '.bin')}:${process.env.PATH ?? ''}`,
    XDG_CONFIG_HOME: join(folder, '.config'),
    DENO_NO_UPDATE_CHECK: '1',
    NEXT_TELEMETRY_DISABLED: '1',
    NODE_OPTIONS: '',
    NODE_ENV: '',
    NO_COLOR: '1',
  };
  for (const name of names) {
    cpSync(join(ROOT, 'examples', name), join(folder, name), { recursive: true });
    const path = join(folder, name, 'package.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
    writeFileSync(path, JSON.stringify(await withTarballs(manifest)));
  }
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, type: 'module', workspaces: names }),
  );
  const run: Examples['run'] = async (example, program, args, more = {}) => {
    try {
      return await execute(program, args, {
        cwd: join(folder, example),
        env: { ...env, ...more },
        maxBuffer: 64 * 1024 * 1024,
      });
    } catch (error) {
      const { stdout, stderr } = error as Partial<Output>;
      throw new Error(`${example}: ${program} ${args.join(' ')}\n${stdout}\n${stderr}`);
    }
  };
  // Packages that the repository has installed come from the cache of npm.
  await run('.', 'npm', ['install', '--prefer-offline', '--no-audit', '--no-fund']);
  return { folder, run, env };
}
