// Runs the regular expressions of tenants inside QuickJS, because the host's engine cannot be stopped while it backtracks.

import { AsyncLocalStorage } from 'node:async_hooks';
import type { QuickJSContext, QuickJSRuntime, QuickJSWASMModule } from 'quickjs-emscripten-core';
import { ExpressionError } from './errors.ts';
import { loadQuickJS, sandboxMemoryBytes } from './quickjs.ts';

const budgetMs = 250;
const maxSubject = 262_144;

/** The time that all regular expressions of one evaluation may use together. */
export interface RegexBudget {
  leftMs: number;
}

export function regexBudget(): RegexBudget {
  return { leftMs: budgetMs };
}

const currentBudget = new AsyncLocalStorage<RegexBudget>();

/** Evaluates with one budget for all regular expressions that `work` uses, however many literals it meets. */
export function withRegexBudget<T>(work: () => T): T {
  return currentBudget.run(regexBudget(), work);
}

interface RegexHost {
  module: QuickJSWASMModule;
  runtime: QuickJSRuntime;
  context: QuickJSContext;
  deadline: number;
  /** What the sandbox holds from the call before; a subject is copied into it once, not for each match. */
  pattern: string | undefined;
  subject: string | undefined;
}

let host: RegexHost | undefined;

/** Must be awaited before a regular expression is used. */
export async function prepareRegex(): Promise<void> {
  const module = await loadQuickJS();
  if (host?.module === module) return;
  const runtime = module.newRuntime();
  runtime.setMemoryLimit(sandboxMemoryBytes);
  runtime.setMaxStackSize(256 * 1024);
  const context = runtime.newContext();
  const made: RegexHost = {
    module,
    runtime,
    context,
    deadline: Number.POSITIVE_INFINITY,
    pattern: undefined,
    subject: undefined,
  };
  runtime.setInterruptHandler(() => Date.now() > made.deadline);
  context
    .unwrapResult(
      context.evalCode(`
        'use strict';
        const exec = RegExp.prototype.exec;
        let pattern;
        let subject;
        globalThis.setPattern = (source, flags) => { pattern = new RegExp(source, flags); };
        globalThis.setSubject = (text) => { subject = text; };
        globalThis.match = (from) => {
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

/** Thrown for a pattern that is not a regular expression of JavaScript. */
export class PatternSyntaxError extends Error {
  override readonly name = 'PatternSyntaxError';
}

function call(
  box: RegexHost,
  source: string,
  name: string,
  ...values: (string | number)[]
): string {
  const { context } = box;
  const fn = context.getProp(context.global, name);
  const args = values.map((value) =>
    typeof value === 'string' ? context.newString(value) : context.newNumber(value),
  );
  const result = context.callFunction(fn, context.undefined, args);
  for (const handle of [fn, ...args]) handle.dispose();
  if (result.error === undefined) {
    const text = name === 'match' ? context.getString(result.value) : '';
    result.value.dispose();
    return text;
  }
  // Out of memory leaves no error object.
  const reason = (context.dump(result.error) ?? {}) as { name?: string; message?: string };
  result.error.dispose();
  box.pattern = undefined;
  box.subject = undefined;
  if (reason.message === 'interrupted') {
    throw new ExpressionError('expression_timeout', `the pattern /${source}/ takes too long`);
  }
  if (reason.name === 'SyntaxError') throw new PatternSyntaxError(reason.message);
  // The memory of a module never shrinks: the next evaluation gets another runtime.
  if (reason.message === undefined || reason.message === 'out of memory') host = undefined;
  throw new ExpressionError(
    'expression_failed',
    `the pattern failed: ${reason.message ?? 'out of memory'}`,
  );
}

interface RegexCall {
  source: string;
  flags: string;
  subject: string;
  from: number;
}

/** [index, lastIndex, …groups], or null without a match. Throws when the budget is used up. */
function matchInSandbox({ source, flags, subject, from }: RegexCall, budget: RegexBudget): unknown {
  if (host === undefined) throw new Error('prepareRegex was not awaited');
  if (subject.length > maxSubject) {
    throw new ExpressionError(
      'expression_too_large',
      `a regular expression is matched against at most ${maxSubject} characters`,
    );
  }
  if (budget.leftMs <= 0) {
    throw new ExpressionError(
      'expression_timeout',
      `the regular expressions take more than ${budgetMs} ms together`,
    );
  }
  const box = host;
  const started = performance.now();
  box.deadline = Date.now() + Math.ceil(budget.leftMs);
  try {
    const pattern = `${flags}/${source}`;
    if (box.pattern !== pattern) {
      call(box, source, 'setPattern', source, flags);
      box.pattern = pattern;
    }
    if (box.subject !== subject) {
      call(box, source, 'setSubject', subject);
      box.subject = subject;
    }
    return JSON.parse(call(box, source, 'match', from));
  } finally {
    budget.leftMs -= performance.now() - started;
  }
}

/** Whether a pattern of a JSON Schema occurs in a text; undefined: it is not a regular expression. */
export function patternMatches(
  source: string,
  subject: string,
  budget: RegexBudget,
): boolean | undefined {
  // Without the flag u, more escapes are allowed, as in PostgreSQL.
  for (const flags of ['u', '']) {
    try {
      return matchInSandbox({ source, flags, subject, from: 0 }, budget) !== null;
    } catch (error) {
      if (!(error instanceof PatternSyntaxError)) throw error;
    }
  }
  return undefined;
}

/** The part of RegExp that JSONata uses: lastIndex and exec. */
export class SandboxedRegExp {
  readonly #pattern: RegExp;
  readonly #budget: RegexBudget;
  lastIndex = 0;

  constructor(pattern: RegExp) {
    this.#pattern = pattern;
    this.#budget = currentBudget.getStore() ?? regexBudget();
  }

  exec(subject: string): RegExpExecArray | null {
    const { source, flags } = this.#pattern;
    const found = matchInSandbox({ source, flags, subject, from: this.lastIndex }, this.#budget);
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
