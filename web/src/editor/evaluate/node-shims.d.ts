// The few modules of Node.js that the shared expressions import; vite.config.ts gives them their place in the browser.
declare module 'node:timers' {
  export function setImmediate(work: () => void): void;
}
declare module 'node:async_hooks' {
  export class AsyncLocalStorage<T> {
    run<R>(store: T, work: () => R): R;
    getStore(): T | undefined;
  }
}
