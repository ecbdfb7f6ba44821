// One QuickJS module per process: a JavaScript engine inside WebAssembly that can reach nothing of the host.
// A broken module (out of memory in the engine itself) is dropped and loaded anew. The variant carries its wasm
// inside the script: hosted deployments leave .wasm files of packages behind, and reading one needs a permission.

import variant from '@jitl/quickjs-singlefile-mjs-release-sync';
import {
  newQuickJSWASMModuleFromVariant,
  type QuickJSContext,
  type QuickJSRuntime,
  type QuickJSWASMModule,
  Scope,
} from 'quickjs-emscripten-core';

let loading: Promise<QuickJSWASMModule> | undefined;

export function loadQuickJS(): Promise<QuickJSWASMModule> {
  loading ??= newQuickJSWASMModuleFromVariant(variant).catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

export interface SandboxLimits {
  memoryBytes: number;
  stackBytes: number;
}

/** A fresh runtime and context for one use; nothing survives it, and every managed handle is freed first. */
export function withSandbox<T>(
  module: QuickJSWASMModule,
  limits: SandboxLimits,
  use: (context: QuickJSContext, runtime: QuickJSRuntime, scope: Scope) => T,
): T {
  const runtime = module.newRuntime();
  try {
    runtime.setMemoryLimit(limits.memoryBytes);
    runtime.setMaxStackSize(limits.stackBytes);
    const context = runtime.newContext();
    try {
      return Scope.withScope((scope) => use(context, runtime, scope));
    } finally {
      discard(context);
    }
  } finally {
    discard(runtime);
  }
}

/** An engine that ran out of memory in a bad place may abort when it is freed: it is not used again. */
function discard(part: { dispose(): void }): void {
  try {
    part.dispose();
  } catch {
    loading = undefined;
  }
}
