// One QuickJS module per process: a JavaScript engine in WebAssembly without access to the host. A broken or exhausted
// module is dropped and loaded again. This variant contains its wasm in the script, because hosted deployments do
// not include .wasm files of packages, and reading a file needs a permission.

import variant from '@jitl/quickjs-singlefile-mjs-release-sync';
import {
  newQuickJSWASMModuleFromVariant,
  newVariant,
  type QuickJSContext,
  type QuickJSRuntime,
  type QuickJSWASMModule,
  Scope,
} from 'quickjs-emscripten-core';

const page = 65_536;

/**
 * QuickJS does not know the real size of an allocation in WebAssembly, so its own limit has little effect; this limit
 * on the growth of the memory is effective. The engine itself uses the first 16 MB.
 */
export const sandboxMemoryBytes = 48 * 1024 * 1024;

let loading: Promise<QuickJSWASMModule> | undefined;

export function loadQuickJS(): Promise<QuickJSWASMModule> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

function load(): Promise<QuickJSWASMModule> {
  const wasmMemory = new WebAssembly.Memory({
    initial: (16 * 1024 * 1024) / page,
    maximum: sandboxMemoryBytes / page,
  });
  return newQuickJSWASMModuleFromVariant(newVariant(variant, { wasmMemory }));
}

/** WebAssembly memory never shrinks, so a module that used all of it is exhausted. */
export function isExhausted(module: QuickJSWASMModule): boolean {
  return module.getWasmMemory().buffer.byteLength >= sandboxMemoryBytes;
}

/** A new runtime and context for one use; all managed handles are freed before both are disposed. */
export function withSandbox<T>(
  module: QuickJSWASMModule,
  use: (context: QuickJSContext, runtime: QuickJSRuntime, scope: Scope) => T,
): T {
  const runtime = module.newRuntime();
  try {
    // Refuses a single huge allocation at once.
    runtime.setMemoryLimit(sandboxMemoryBytes);
    runtime.setMaxStackSize(256 * 1024);
    const context = runtime.newContext();
    try {
      return Scope.withScope((scope) => use(context, runtime, scope));
    } finally {
      discard(context);
    }
  } finally {
    discard(runtime);
    if (isExhausted(module)) loading = undefined;
  }
}

/** An engine that ran out of memory may abort when it is freed; it is not used again. */
function discard(part: { dispose(): void }): void {
  try {
    part.dispose();
  } catch {
    loading = undefined;
  }
}
