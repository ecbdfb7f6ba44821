// One QuickJS module per process: a JavaScript engine inside WebAssembly that can reach nothing of the host.
// A broken module (out of memory in the engine itself) is dropped and loaded anew.

import {
  newQuickJSWASMModule,
  type QuickJSContext,
  type QuickJSRuntime,
  type QuickJSWASMModule,
} from 'quickjs-emscripten';

let loading: Promise<QuickJSWASMModule> | undefined;

export function loadQuickJS(): Promise<QuickJSWASMModule> {
  loading ??= newQuickJSWASMModule().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

export interface SandboxLimits {
  memoryBytes: number;
  stackBytes: number;
}

/** A fresh runtime and context for one use; nothing survives it. */
export function withSandbox<T>(
  module: QuickJSWASMModule,
  limits: SandboxLimits,
  use: (context: QuickJSContext, runtime: QuickJSRuntime) => T,
): T {
  let runtime: QuickJSRuntime | undefined;
  let context: QuickJSContext | undefined;
  let broken = false;
  try {
    runtime = module.newRuntime();
    runtime.setMemoryLimit(limits.memoryBytes);
    runtime.setMaxStackSize(limits.stackBytes);
    context = runtime.newContext();
    return use(context, runtime);
  } catch (error) {
    broken = error instanceof WebAssembly.RuntimeError;
    if (broken) loading = undefined;
    throw error;
  } finally {
    if (!broken) {
      context?.dispose();
      runtime?.dispose();
    }
  }
}
