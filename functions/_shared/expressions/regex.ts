// Runs the regular expressions of tenants inside QuickJS, because the host's engine cannot be stopped while it backtracks.

import type { QuickJSContext, QuickJSRuntime, QuickJSWASMModule } from 'quickjs-emscripten-core';
import { ExpressionError } from './errors.ts';
import { loadQuickJS, sandboxMemoryBytes } from './quickjs.ts';

const budgetMs = 500;
const maxSubject = 262_144;

interface RegexHost {
  module: QuickJSWASMModule;
  runtime: QuickJSRuntime;
  context: QuickJSContext;
  deadline: number;
}

let host: RegexHost | undefined;

/** Must be awaited before an expression with a regular expression is evaluated. */
export async function prepareRegex(): Promise<void> {
  const module = await loadQuickJS();
  if (host?.module === module) return;
  const runtime = module.newRuntime();
  runtime.setMemoryLimit(sandboxMemoryBytes);
  runtime.setMaxStackSize(256 * 1024);
  const context = runtime.newContext();
  const made: RegexHost = { module, runtime, context, deadline: Number.POSITIVE_INFINITY };
  runtime.setInterruptHandler(() => Date.now() > made.deadline);
  context
    .unwrapResult(
      context.evalCode(`
        'use strict';
        const exec = RegExp.prototype.exec;
        globalThis.match = (source, flags, subject, from) => {
          const pattern = new RegExp(source, flags);
          pattern.lastIndex = from;
          const found = exec.call(pattern, subject);
          return found === null
            ? 'null'
            : JSON.stringify([found.index, pattern.lastIndex, ...Array.from(found, (group) => group ?? null)]);
        };`),
    )
    .dispose();
  host = made;
}

/** The part of RegExp that JSONata uses: lastIndex and exec. */
export class SandboxedRegExp {
  readonly #pattern: RegExp;
  #left = budgetMs;
  lastIndex = 0;

  constructor(pattern: RegExp) {
    this.#pattern = pattern;
  }

  exec(subject: string): RegExpExecArray | null {
    if (host === undefined) throw new Error('prepareRegex was not awaited');
    if (subject.length > maxSubject) {
      throw new ExpressionError(
        'expression_too_large',
        `a regular expression is matched against at most ${maxSubject} characters`,
      );
    }
    const { context } = host;
    const started = Date.now();
    host.deadline = started + Math.max(this.#left, 1);
    const match = context.getProp(context.global, 'match');
    const args = [
      context.newString(this.#pattern.source),
      context.newString(this.#pattern.flags),
      context.newString(subject),
      context.newNumber(this.lastIndex),
    ];
    const result = context.callFunction(match, context.undefined, args);
    this.#left -= Date.now() - started;
    for (const handle of [match, ...args]) handle.dispose();
    if (result.error !== undefined) {
      const reason = context.dump(result.error) as { message?: string };
      result.error.dispose();
      throw reason.message === 'interrupted'
        ? new ExpressionError(
            'expression_timeout',
            `the pattern /${this.#pattern.source}/ takes too long`,
          )
        : new ExpressionError(
            'expression_failed',
            `the pattern failed: ${reason.message ?? 'unknown'}`,
          );
    }
    const found: unknown = JSON.parse(context.getString(result.value));
    result.value.dispose();
    return this.#toMatch(found, subject);
  }

  #toMatch(found: unknown, subject: string): RegExpExecArray | null {
    if (!Array.isArray(found)) {
      this.lastIndex = 0;
      return null;
    }
    const [index, next, ...groups] = found as [number, number, ...(string | null)[]];
    this.lastIndex = next;
    const match = groups.map((group) => group ?? undefined) as unknown as RegExpExecArray;
    match.index = index;
    match.input = subject;
    return match;
  }
}
