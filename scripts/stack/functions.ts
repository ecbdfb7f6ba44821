// The Edge Functions as Deno processes: starts them, waits until they respond, and restarts them after a crash.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Child } from './child.ts';
import { keepLog } from './keep-logs.ts';
import { type LogLevel, ROOT, type StackConfig, StackError } from './options.ts';

export const FUNCTIONS = ['api', 'worker'] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

/** The deployed name of a function (supabase/config.toml); its source is in functions/<name>. */
export const slugOf = <Name extends FunctionName>(name: Name) => `stepbase-${name}` as const;

/** The address of a function without the gateway. */
export const functionUrl = (
  { functionAddresses, ports }: Pick<StackConfig, 'functionAddresses' | 'ports'>,
  name: FunctionName,
) => `${functionAddresses[name] ?? `http://127.0.0.1:${ports[name]}`}/${slugOf(name)}`;

const READY_DEADLINE_MS = 60_000;
const STOP_GRACE_MS = 10_000;
const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 10_000;
/** Crashes in a row, each within a minute of its start, after which a function stays down. */
const MAX_CRASHES = 10;
const STABLE_MS = 60_000;

export interface FunctionOptions {
  name: FunctionName;
  port: number;
  env: Record<string, string>;
  dataDir: string;
  logLevel: LogLevel;
  say: (message: string) => void;
}

const LEVELS: Record<LogLevel, number> = { silent: 100, error: 50, warn: 40, info: 30, debug: 20 };
const LEVEL_NAMES: Record<string, number> = { trace: 10, debug: 20, info: 30, warn: 40, error: 50 };

/** Whether a line of a function's output is shown: JSON logs by level, other lines as errors. */
export function lineIsShown(line: string, level: LogLevel): boolean {
  if (line.trim() === '') return false;
  let severity = LEVELS.error;
  if (line.startsWith('{')) {
    try {
      const parsed = JSON.parse(line) as { level?: unknown };
      if (typeof parsed.level === 'string') severity = LEVEL_NAMES[parsed.level] ?? severity;
    } catch {
      // Not a log record: shown like any other output.
    }
  }
  return severity >= LEVELS[level];
}

/** The variables of Deno itself that a function gets. */
export function denoVariables(): Record<string, string> {
  return Object.fromEntries(
    ['DENO_DIR', 'DENO_COVERAGE_DIR'].flatMap((name) => {
      const value = process.env[name];
      return value ? [[name, value]] : [];
    }),
  );
}

/** The program itself: npm's wrapper in .bin would be one more process to stop. */
export function denoProgram(): string {
  return join(dirname(createRequire(import.meta.url).resolve('deno/package.json')), 'deno');
}

export class FunctionProcess {
  readonly #options: FunctionOptions;
  #child: Child | undefined;
  #stopping = false;
  #crashes = 0;
  #starting: Promise<void> = Promise.resolve();
  #supervision: Promise<void> = Promise.resolve();
  #wake: () => void = () => undefined;

  constructor(options: FunctionOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.running ? this.#child.pid : undefined;
  }

  /** Resolves when the function responds; afterwards it is kept running. */
  start(): Promise<void> {
    const starting = (async () => {
      const child = await this.#launch();
      await this.#ready(child);
      this.#supervision = this.#supervise(child);
    })();
    this.#starting = starting.catch(() => undefined);
    return starting;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake();
    await this.#child?.stop(STOP_GRACE_MS);
    // A start in progress checks #stopping, and ends the process if it has started meanwhile.
    await this.#starting;
    await this.#supervision;
  }

  async #launch(): Promise<Child> {
    const { name, port, env, dataDir, logLevel, say } = this.#options;
    const logFile = join(dataDir, 'logs', `${name}.log`);
    this.#child = await Child.start({
      command: denoProgram(),
      args: [
        'run',
        '--no-prompt',
        // V8's default of 16 MB lets its new objects occupy 40 MB more, and saves no processor time here.
        '--v8-flags=--max-semi-space-size=8',
        // request.signal is aborted only when the client disconnects, not after every response.
        '--unstable-no-legacy-abort',
        '--allow-net',
        '--allow-env',
        '--allow-sys',
        '--allow-read',
        join(ROOT, 'functions', name, 'index.ts'),
      ],
      env: {
        ...env,
        PATH: process.env.PATH ?? '',
        HOME: process.env.HOME ?? '/tmp',
        PORT: String(port),
        NO_COLOR: '1',
        DENO_NO_UPDATE_CHECK: '1',
        DENO_NO_PROMPT: '1',
        ...denoVariables(),
      },
      cwd: ROOT,
      logFile,
      onLine: (line) => {
        if (lineIsShown(line, logLevel)) say(`${name}: ${line}`);
      },
      stopSignal: 'SIGTERM',
    });
    keepLog(logFile);
    return this.#child;
  }

  async #ready(child: Child): Promise<void> {
    const { name, port, dataDir } = this.#options;
    const deadline = Date.now() + READY_DEADLINE_MS;
    while (child.running && !this.#stopping && Date.now() < deadline) {
      if (await answers(`http://127.0.0.1:${port}/${slugOf(name)}/healthz`)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const running = child.running;
    await child.stop(1_000);
    const log = await readFile(join(dataDir, 'logs', `${name}.log`), 'utf8').catch(() => '');
    throw new StackError(
      `Function ${name} ${running ? `did not respond within ${READY_DEADLINE_MS / 1000} s` : 'ended while starting'}:\n${log.trim().slice(-1500)}`,
    );
  }

  async #supervise(first: Child): Promise<void> {
    const { name, say } = this.#options;
    let child = first;
    for (;;) {
      const started = Date.now();
      const { code, signal } = await child.exited;
      if (this.#stopping) return;
      this.#crashes = Date.now() - started > STABLE_MS ? 1 : this.#crashes + 1;
      say(`function ${name} ended (${signal ?? `exit code ${code}`})`);
      if (this.#crashes >= MAX_CRASHES) {
        say(`function ${name} crashed ${MAX_CRASHES} times in a row and will not be restarted`);
        return;
      }
      await this.#pause(Math.min(FIRST_BACKOFF_MS * 2 ** (this.#crashes - 1), MAX_BACKOFF_MS));
      if (this.#stopping) return;
      child = await this.#launch();
      // Stopped while the process was starting.
      if (this.#stopping) await child.stop(STOP_GRACE_MS);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
