// Executes a Dockerfile in a plain directory: a machine without a container engine can still try every build step and
// the start command. A base image is an empty folder, and its programs are those of this machine.

import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join, posix } from 'node:path';
import { ROOT } from '../../scripts/stack/options.ts';

export interface Instruction {
  keyword: string;
  text: string;
}

export function parseDockerfile(text: string): Instruction[] {
  const lines = text.split('\n').filter((line) => !line.trimStart().startsWith('#'));
  return lines
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, keyword = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line.trim()) ?? [];
      return { keyword: keyword.toUpperCase(), text: rest };
    });
}

export const readDockerfile = (path: string): Instruction[] =>
  parseDockerfile(readFileSync(join(ROOT, path), 'utf8'));

/** The files of the repository that .dockerignore lets into the build context. */
export function contextFiles(root = ROOT): string[] {
  const rules = readFileSync(join(root, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const matches = (file: string, pattern: string) => {
    const inner = pattern
      .replaceAll('.', '\\.')
      .replaceAll('**/', '(?:<any>/)?')
      .replaceAll('*', '[^/]*')
      .replaceAll('<any>', '.*');
    return new RegExp(`^${inner}(?:/|$)`).test(file);
  };
  // As Docker does: the last rule that matches a file decides.
  const isIgnored = (file: string) =>
    rules.reduce((ignored, rule) => {
      const pattern = rule.replace(/^!/, '');
      return matches(file, pattern) ? !rule.startsWith('!') : ignored;
    }, false);
  return execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file !== '' && existsSync(join(root, file)) && !isIgnored(file));
}

export interface Image {
  /** The folder that stands for `/`. */
  root: string;
  workdir: string;
  env: Record<string, string>;
  user: string | undefined;
  entrypoint: string[];
  command: string[];
  healthcheck: string[];
}

interface BuildOptions {
  dockerfile: string;
  args?: Record<string, string>;
  /** An empty folder for the stages. */
  folder: string;
  /** The first folder of the PATH. */
  bin: string;
  /** Replaces a RUN step, for example by a result that is there already; false executes it. */
  instead?: (command: string, cwd: string) => boolean;
}

export function copyContext(folder: string): void {
  for (const file of contextFiles()) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(ROOT, file), join(folder, file));
  }
}

/** Builds the last stage; throws with the output of a step that fails. */
export function buildImage(options: BuildOptions): Image {
  const context = join(options.folder, 'context');
  copyContext(context);
  const stages = new Map<string, Image>();
  const args = options.args ?? {};
  let image: Image | undefined;
  const expand = (text: string) =>
    text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
      const value = image?.env[name] ?? args[name];
      if (value === undefined) throw new Error(`${options.dockerfile}: ${name} is not set`);
      return value;
    });
  for (const { keyword, text } of readDockerfile(options.dockerfile)) {
    if (keyword === 'FROM') {
      const [base = '', , name = String(stages.size)] = text.split(' ');
      image = startStage(join(options.folder, `stage-${stages.size}`), stages.get(base));
      stages.set(name, image);
      continue;
    }
    if (image === undefined) throw new Error(`${options.dockerfile}: ${keyword} before FROM`);
    if (keyword === 'WORKDIR') {
      image.workdir = posix.resolve(image.workdir, text);
      mkdirSync(inside(image, '.'), { recursive: true });
    } else if (keyword === 'ENV') {
      for (const [, name = '', value = ''] of expand(text).matchAll(/(\w+)=(\S*)/g)) {
        image.env[name] = value;
      }
    } else if (keyword === 'COPY') copy(image, expand(text), stages, context);
    else if (keyword === 'RUN') run(image, expand(text), options);
    else if (keyword === 'USER') image.user = text;
    else if (keyword === 'ENTRYPOINT') image.entrypoint = JSON.parse(text) as string[];
    else if (keyword === 'CMD') image.command = JSON.parse(text) as string[];
    else if (keyword === 'HEALTHCHECK') {
      image.healthcheck = JSON.parse(text.slice(text.indexOf('['))) as string[];
    } else if (!['ARG', 'EXPOSE', 'VOLUME'].includes(keyword)) {
      throw new Error(`${options.dockerfile}: ${keyword} is not known here`);
    }
  }
  if (image === undefined) throw new Error(`${options.dockerfile}: no stage`);
  return image;
}

function startStage(root: string, base: Image | undefined): Image {
  mkdirSync(root, { recursive: true });
  if (base) cpSync(base.root, root, { recursive: true, verbatimSymlinks: true });
  const empty = { workdir: '/', env: {}, user: undefined };
  return { ...empty, ...base, root, entrypoint: [], command: [], healthcheck: [] };
}

const inside = (image: Image, path: string) => join(image.root, posix.resolve(image.workdir, path));

function copy(image: Image, text: string, stages: Map<string, Image>, context: string): void {
  const words = text.split(' ');
  const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length);
  const paths = words.filter((word) => !word.startsWith('--'));
  const target = paths.pop() ?? '.';
  const source = from === undefined ? context : stages.get(from)?.root;
  if (source === undefined) throw new Error(`COPY: there is no stage ${from}`);
  for (const path of paths) {
    const given = join(source, path);
    if (!existsSync(given)) throw new Error(`COPY: ${path} is not in ${from ?? 'the context'}`);
    const isFolder = statSync(given).isDirectory();
    // A folder's content goes into the target; a file goes into a target that ends with a slash.
    const into = !isFolder && target.endsWith('/') ? join(target, basename(path)) : target;
    mkdirSync(dirname(inside(image, into)), { recursive: true });
    cpSync(given, inside(image, into), { recursive: true, verbatimSymlinks: true });
  }
}

/** Paths below /app in a value of ENV are in the folder of the image. */
const mapped = (image: Image, value: string) =>
  value === '/app' || value.startsWith('/app/') ? join(image.root, value) : value;

function environment(image: Image, bin: string): Record<string, string> {
  const own = Object.entries(image.env).map(([name, value]) => [name, mapped(image, value)]);
  return { PATH: `${bin}:/usr/local/bin:/usr/bin:/bin`, ...Object.fromEntries(own) };
}

function run(image: Image, command: string, { bin, instead, dockerfile }: BuildOptions): void {
  const cwd = inside(image, '.');
  if (instead?.(command, cwd)) return;
  // Without root, a build in a plain directory cannot give files away.
  const script = process.getuid?.() === 0 ? command : `chown() { :; }; ${command}`;
  try {
    execFileSync('sh', ['-c', script], {
      cwd,
      env: { ...process.env, ...environment(image, bin) },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    const { stderr = '', stdout = '' } = error as { stderr?: string; stdout?: string };
    throw new Error(`${dockerfile}: RUN ${command}\n${stdout}${stderr}`, { cause: error });
  }
}

export interface Running {
  output(): string;
  /** Resolves with the exit code. */
  exited: Promise<number | null>;
  stop(): Promise<number | null>;
}

/** Runs the start command as the user of the image if this process may change its user. */
export function startImage(image: Image, bin: string, env: Record<string, string>): Running {
  return spawnIn(image, bin, env, [...image.entrypoint, ...image.command]);
}

/** The exit code of the health check. */
export function checkHealth(
  image: Image,
  bin: string,
  env: Record<string, string>,
): Promise<number | null> {
  return spawnIn(image, bin, env, image.healthcheck).exited;
}

function spawnIn(
  image: Image,
  bin: string,
  env: Record<string, string>,
  [command = '', ...args]: string[],
): Running {
  const [uid = NaN, gid = NaN] = (image.user ?? '').split(':').map(Number);
  const account = process.getuid?.() === 0 ? { uid, gid } : {};
  const child = spawn(command, args, {
    ...account,
    cwd: inside(image, '.'),
    env: { ...environment(image, bin), HOME: '/tmp', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const exited = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return {
    output: () => output,
    exited,
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

/** A folder of programs that every user can reach: the Node and the Deno of node_modules. */
export function programsIn(folder: string): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  for (let path = bin; path.startsWith(folder); path = dirname(path)) chmodSync(path, 0o755);
  const [deno = ''] = globSync('node_modules/deno/deno', { cwd: ROOT });
  cpSync(join(ROOT, deno), join(bin, 'deno'));
  cpSync(process.execPath, join(bin, 'node'));
  return bin;
}
