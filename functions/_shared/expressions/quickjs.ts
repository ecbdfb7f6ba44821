// One QuickJS module per process: a JavaScript engine inside WebAssembly that can reach nothing of the host.
// A broken or used-up module is dropped and loaded anew. The variant carries its wasm
// inside the script: hosted deployments leave .wasm files of packages behind, and reading one needs a permission.

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
 * QuickJS cannot see what an allocation really takes in WebAssembly, so its own limit hardly limits; that the memory
 * cannot grow beyond this does. The engine takes the first 16 MB.
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

/** Memory that was taken once is never given back, so a module that used all of it is used up. */
export function isExhausted(module: QuickJSWASMModule): boolean {
  return module.getWasmMemory().buffer.byteLength >= sandboxMemoryBytes;
}

/** A fresh runtime and context for one use; nothing survives it, and every managed handle is freed first. */
export function withSandbox<T>(
  module: QuickJSWASMModule,
  use: (context: QuickJSContext, runtime: QuickJSRuntime, scope: Scope) => T,
): T {
  const runtime = module.newRuntime();
  try {
    // Refuses a single huge allocation without trying.
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

/** An engine that ran out of memory in a bad place may abort when it is freed: it is not used again. */
function discard(part: { dispose(): void }): void {
  try {
    part.dispose();
  } catch {
    loading = undefined;
  }
}
