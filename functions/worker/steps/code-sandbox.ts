// Runs one function of a tenant in a new QuickJS context: JSON in, JSON out, and no access to anything else.
// Synchronous by design: the caller chooses the thread.

import type {
  QuickJSContext,
  QuickJSHandle,
  QuickJSRuntime,
  QuickJSWASMModule,
  Scope,
} from 'quickjs-emscripten-core';
import { asExpression } from '../../_shared/expressions/code-syntax.ts';
import { isExhausted, withSandbox } from '../../_shared/expressions/quickjs.ts';
import { cutText } from '../../_shared/text/storable.ts';

export interface CodeJob {
  code: string;
  /** The function's argument as JSON text. */
  argument: string;
  timeoutMs: number;
}

export type CodeOutcome =
  | { ok: true; json: string; logs: string[] }
  | { ok: false; code: CodeFailure; message: string; logs: string[] };

export type CodeFailure =
  | 'code_syntax'
  | 'code_failed'
  | 'code_timeout'
  | 'code_memory'
  | 'code_never_settles'
  | 'number_not_finite'
  | 'code_output_too_large';

const maxOutput = 4 * 1024 * 1024;
const maxJobs = 100_000;
const maxLine = 1_000;
const maxMessage = 4_000;
const outOfMemory = 'the code exceeded its memory limit';

/** Captures the built-ins that it uses before the tenant's code can change them; the code never gets the returned object. */
const bootstrap = `(() => {
  'use strict';
  const { parse, stringify } = JSON;
  const { apply } = Reflect;
  const { map, push, join } = Array.prototype;
  const { slice, includes } = String.prototype;
  const { isFinite } = Number;
  const digits = BigInt.prototype.toString;
  BigInt.prototype.toJSON = function () { return apply(digits, this, []); };
  const check = (key, part) => {
    if (typeof part === 'number' && !isFinite(part)) throw check;
    return part;
  };
  const lines = [];
  const show = (value) => {
    if (typeof value === 'string') return value;
    try { return stringify(value) ?? String(value); } catch { return '[unprintable]'; }
  };
  const print = (...values) => {
    if (lines.length >= 100) return;
    const line = apply(slice, apply(join, apply(map, values, [show]), [' ']), [0, ${maxLine + 1}]);
    apply(push, lines, [line]);
  };
  globalThis.console = { log: print, info: print, warn: print, error: print, debug: print };
  return {
    call(fn, argument) {
      if (typeof fn !== 'function') throw new TypeError('the code is not a function expression');
      return fn(parse(argument));
    },
    toJson(value) {
      const json = stringify(value) ?? 'null';
      // NaN and Infinity are written as null.
      if (json.length > ${maxOutput} || !apply(includes, json, ['null'])) return json;
      try {
        stringify(value, check);
      } catch (error) {
        if (error === check) return undefined;
        throw error;
      }
      return json;
    },
    logs() {
      return stringify(lines);
    },
  };
})()`;

class Failure extends Error {
  readonly code: CodeFailure;
  constructor(code: CodeFailure, message: string) {
    super(cutText(message, maxMessage));
    this.code = code;
  }
}

export function runCode(module: QuickJSWASMModule, job: CodeJob): CodeOutcome {
  let logs: string[] = [];
  try {
    return withSandbox(module, (context, runtime, scope) => {
      const kit = scope.manage(context.unwrapResult(context.evalCode(bootstrap)));
      const deadline = Date.now() + job.timeoutMs;
      let late = false;
      runtime.setInterruptHandler(() => {
        late = Date.now() > deadline;
        return late;
      });
      try {
        const json = execute({ context, runtime, scope, kit }, job);
        return { ok: true, json, logs: readLogs({ context, runtime, scope, kit }) };
      } catch (error) {
        // The lines printed so far help to understand a time-out, so they are kept.
        runtime.removeInterruptHandler();
        logs = readLogs({ context, runtime, scope, kit });
        // Without memory there is none for an error object either, so the error may be null.
        if (isExhausted(module)) throw new Failure('code_memory', outOfMemory);
        throw late
          ? new Failure('code_timeout', `the code did not finish within ${job.timeoutMs} ms`)
          : error;
      }
    });
  } catch (error) {
    if (error instanceof Failure)
      return { ok: false, code: error.code, message: error.message, logs };
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, code: 'code_memory', message: `the sandbox broke down: ${message}`, logs };
  }
}

interface Box {
  context: QuickJSContext;
  runtime: QuickJSRuntime;
  scope: Scope;
  kit: QuickJSHandle;
}

function execute(box: Box, job: CodeJob): string {
  const { context, scope } = box;
  const evaluated = context.evalCode(asExpression(job.code), 'inline_code.js');
  if (evaluated.error !== undefined) throw toFailure(box, evaluated.error, 'code_syntax');
  const fn = scope.manage(evaluated.value);
  const returned = call(box, 'call', fn, scope.manage(context.newString(job.argument)));
  const result = call(box, 'toJson', settle(box, returned));
  if (context.typeof(result) !== 'string') {
    throw new Failure(
      'number_not_finite',
      'the result contains NaN or Infinity, which JSON does not have',
    );
  }
  const json = context.getString(result);
  if (json.length > maxOutput) {
    throw new Failure('code_output_too_large', `the result is larger than ${maxOutput} bytes`);
  }
  return json;
}

function call(box: Box, name: string, ...args: QuickJSHandle[]): QuickJSHandle {
  const method = box.scope.manage(box.context.getProp(box.kit, name));
  const result = box.context.callFunction(method, box.context.undefined, args);
  if (result.error !== undefined) throw toFailure(box, result.error, 'code_failed');
  return box.scope.manage(result.value);
}

/** The sandbox has no timers: a promise that is pending when no job is left never settles. */
function settle(box: Box, value: QuickJSHandle): QuickJSHandle {
  const jobs = box.runtime.executePendingJobs(maxJobs);
  if (jobs.error !== undefined) throw toFailure(box, jobs.error, 'code_failed');
  const state = box.context.getPromiseState(value);
  if (state.type === 'fulfilled') return state.notAPromise ? value : box.scope.manage(state.value);
  if (state.type === 'rejected') throw toFailure(box, state.error, 'code_failed');
  throw new Failure('code_never_settles', 'the code returned a promise that never settles');
}

function toFailure(box: Box, handle: QuickJSHandle, code: CodeFailure): Failure {
  const thrown: unknown = box.context.dump(box.scope.manage(handle));
  if (typeof thrown !== 'object' || thrown === null) return new Failure(code, String(thrown));
  const { name, message, stack } = thrown as { name?: unknown; message?: unknown; stack?: unknown };
  const text = typeof message === 'string' ? message : JSON.stringify(thrown);
  if (name === 'InternalError' && text === 'out of memory') {
    return new Failure('code_memory', outOfMemory);
  }
  const line = typeof stack === 'string' ? /inline_code\.js:(\d+)/.exec(stack)?.[1] : undefined;
  const label = typeof name === 'string' ? `${name}: ${text}` : text;
  return new Failure(code, line === undefined ? label : `${label} (line ${line})`);
}

function readLogs(box: Box): string[] {
  try {
    const lines = JSON.parse(box.context.getString(call(box, 'logs'))) as string[];
    return lines.map((line) => cutText(line, maxLine));
  } catch {
    // Out of memory: the printed lines are lost with the sandbox.
    return [];
  }
}
