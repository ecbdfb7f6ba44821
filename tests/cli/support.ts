// The command line in a folder of its own: a project that has the SDK and zod, and a user with an empty config folder.
import { type ChildProcess, execFile, fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from '../../scripts/stack/options.ts';
import { asPerson, createTenant, type TestTenant } from '../api/support.ts';
import { atFileEnd } from '../support/file-end.ts';
import { scaled } from '../support/time.ts';
import type { Request, Response } from './driver.ts';

export interface Tenant extends TestTenant {
  key: string;
}

/** An application with an API key of its admin. */
export async function tenantWithKey(prefix: string): Promise<Tenant> {
  const tenant = await createTenant(prefix);
  const [made] = await asPerson<{ made: { key: string } }>(
    tenant.admin,
    'select stepbase.create_api_key(name => $1) as made',
    ['cli'],
  );
  return { ...tenant, key: made?.made.key ?? '' };
}

interface PrintedRow {
  workflow: string;
  code: string;
  action: string;
  status: string;
  faults: unknown[];
  [member: string]: unknown;
}

/** What commands print with --json; each command prints some of these. */
interface Printed {
  files: PrintedRow[];
  workflows: PrintedRow[];
  path: string;
  [member: string]: unknown;
}

export interface Ended {
  exit: number;
  stdout: string;
  stderr: string;
  json: Printed;
  /** The error that --json prints. */
  error: { code?: string; [member: string]: unknown };
}

export interface Folder {
  path: string;
  /** A line of words without blanks, such as `push --link staging`, and more words. */
  stepbase(line: string, ...more: string[]): Promise<Ended>;
  /** As stepbase, with text on standard input. */
  piped(input: string, line: string, ...more: string[]): Promise<Ended>;
  env: Record<string, string>;
  write(name: string, text: string): void;
  read(name: string): string;
}

type Run = (argv: string[], input: string, env: Record<string, string>) => Promise<Response>;

let driver: ChildProcess | undefined;
let requests = 0;

/** Runs command lines in the process of the driver, which ends with the file. */
const driven: Run = (argv, input, env) => {
  if (driver === undefined) {
    const started = fork(join(ROOT, 'tests/cli/driver.ts'));
    started.setMaxListeners(0);
    driver = started;
    atFileEnd(() => {
      driver = undefined;
      started.disconnect();
    });
  }
  const at = driver;
  requests += 1;
  const request: Request = { id: requests, argv, input, env };
  return new Promise((done, fail) => {
    const onEnd = () => fail(new Error(`the driver ended during: stepbase ${argv.join(' ')}`));
    const onAnswer = (answer: Response) => {
      if (answer.id !== request.id) return;
      at.off('message', onAnswer);
      at.off('exit', onEnd);
      done(answer);
    };
    at.on('message', onAnswer);
    at.once('exit', onEnd);
    at.send(request);
  });
};

/** Runs a program as its users do, in a process of its own. */
const spawned =
  (program: string): Run =>
  (argv, input, env) =>
    new Promise((done) => {
      const options = { env: { PATH: process.env.PATH, ...env }, timeout: scaled(60_000) };
      const words = [program, ...argv];
      const child = execFile(process.execPath, words, options, (error, stdout, stderr) => {
        done({ id: 0, exit: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
      });
      child.stdin?.end(input);
    });

/** Without a program, the sources of the command line; without an existing folder, a new one. */
export function createFolder(program?: string, existing?: string): Folder {
  const run = program === undefined ? driven : spawned(program);
  const path = existing ?? mkdtempSync(join(tmpdir(), 'stepbase-cli-'));
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  };
  if (existing === undefined) {
    atFileEnd(() => rmSync(path, { recursive: true, force: true }));
    furnish(path, write);
  }

  const folder: Folder = {
    path,
    env: {},
    write,
    read: (name) => readFileSync(join(path, name), 'utf8'),
    stepbase: (line, ...more) => folder.piped('', line, ...more),
    async piped(input, line, ...more) {
      const words = ['-C', path, ...line.split(' ').filter(Boolean), ...more];
      const env = { XDG_CONFIG_HOME: join(path, '.config'), ...folder.env };
      const { exit, stdout, stderr } = await run(words, input, env);
      return { exit, stdout, stderr, json: parsed(stdout) as Printed, error: errorIn(stderr) };
    },
  };
  return folder;
}

function furnish(path: string, write: Folder['write']): void {
  write('package.json', '{ "private": true, "type": "module" }');
  // The SDK as an installed package, with its sources in place of its build.
  const exported = { '.': './src/index.ts', './workflow': './src/workflow/index.ts' };
  write(
    'node_modules/stepbase/package.json',
    JSON.stringify({ name: 'stepbase', exports: exported }),
  );
  symlinkSync(join(ROOT, 'sdk/src'), join(path, 'node_modules/stepbase/src'));
  symlinkSync(join(ROOT, 'node_modules/zod'), join(path, 'node_modules/zod'));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const errorIn = (stderr: string): Ended['error'] => {
  const last = parsed(stderr.trim().split('\n').at(-1) ?? '') as
    | { error?: Ended['error'] }
    | undefined;
  return last?.error ?? {};
};
