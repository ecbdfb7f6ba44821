// `npm run watch -- <test file>`: runs one test file, and again at every change, on a stack that stays up.
// Ctrl-C stops it.

import { type ChildProcess, spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { join } from 'node:path';
import { ROOT, StackError } from '../stack/options.ts';
import { onOrphaned } from '../stack/orphan.ts';
import type { Stack } from '../stack/stack.ts';
import { startThrowawayStack } from '../stack/throwaway.ts';
import { type Effect, effectOf, WATCHED, type WatchTarget, watchTarget } from './watch-target.ts';

/** Editors write a file in several steps. */
const DEBOUNCE_MS = 150;
const STOP_GRACE_MS = 15_000;

const say = (message: string) => console.error(`watch: ${message}`);

class Watcher {
  readonly #target: WatchTarget;
  #stack: Stack | undefined;
  #child: ChildProcess | undefined;
  #pending: Effect = 'restart';
  #wake: () => void = () => undefined;
  #stopping = false;

  constructor(target: WatchTarget) {
    this.#target = target;
  }

  /** Runs until stop(). */
  async run(): Promise<void> {
    const abort = new AbortController();
    for (const folder of WATCHED) {
      watch(join(ROOT, folder), { recursive: true, signal: abort.signal }, (_event, name) => {
        if (name) this.#changed(`${folder}/${name}`);
      }).on('error', () => undefined);
    }
    try {
      while (!this.#stopping) {
        const effect = this.#pending;
        this.#pending = 'ignore';
        if (effect !== 'ignore') await this.#runOnce(effect).catch((error) => say(String(error)));
        if (this.#pending === 'ignore' && !this.#stopping) {
          say(`waiting for changes of ${this.#target.path} (Ctrl-C ends)`);
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
        if (!this.#stopping) await new Promise((resolve) => setTimeout(resolve, DEBOUNCE_MS));
      }
    } finally {
      abort.abort();
      await this.#stopStack();
    }
  }

  /** Ends the current run of the test; run() then resolves. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    const child = this.#child;
    child?.kill('SIGTERM');
    setTimeout(() => child?.kill('SIGKILL'), STOP_GRACE_MS).unref();
    this.#wake();
  }

  /** A run in flight ends first: killed tests would leave their own servers behind. */
  #changed(path: string): void {
    const effect = effectOf(this.#target, path);
    if (effect === 'ignore') return;
    if (this.#pending !== 'restart') this.#pending = effect;
    this.#wake();
  }

  async #runOnce(effect: Effect): Promise<void> {
    if (effect === 'restart' && this.#target.stack) {
      await this.#stopStack();
      if (this.#stopping) return;
      say('starting the stack');
      this.#stack = await startThrowawayStack(this.#target.stack, (message) =>
        console.error(`  stack: ${message}`),
      );
    }
    if (this.#stopping || (this.#target.stack && !this.#stack)) return;
    await this.#test(this.#stack?.infoPath ?? '');
  }

  async #test(infoPath: string): Promise<void> {
    const [command, ...args] = this.#target.command(infoPath);
    const started = performance.now();
    const bin = join(ROOT, 'node_modules', '.bin');
    const child = spawn(command, args, {
      cwd: ROOT,
      stdio: ['ignore', 'inherit', 'inherit'],
      // A group of its own: Ctrl-C reaches this process alone, which ends the test in order.
      detached: true,
      env: {
        ...process.env,
        PATH: `${bin}:${process.env.PATH ?? ''}`,
        DENO_NO_UPDATE_CHECK: '1',
        ...(infoPath === '' ? {} : { STEPBASE_TEST_STACK: infoPath }),
      },
    });
    this.#child = child;
    const code = await new Promise<number | null>((resolve) => {
      child.once('error', (error) => {
        say(error.message);
        resolve(null);
      });
      child.once('exit', resolve);
    });
    this.#child = undefined;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    say(`${code === 0 ? 'passed' : 'FAILED'} in ${seconds} s`);
  }

  async #stopStack(): Promise<void> {
    const stack = this.#stack;
    this.#stack = undefined;
    await stack?.stop();
  }
}

const [typed, ...more] = process.argv.slice(2);
try {
  if (!typed || more.length > 0) throw new StackError('usage: npm run watch -- <test file>');
  const watcher = new Watcher(watchTarget(typed, process.env.INIT_CWD));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => watcher.stop());
  }
  onOrphaned(() => watcher.stop());
  await watcher.run();
  say('stopped');
  process.exit(0);
} catch (error) {
  if (!(error instanceof StackError)) throw error;
  say(error.message);
  process.exit(1);
}
