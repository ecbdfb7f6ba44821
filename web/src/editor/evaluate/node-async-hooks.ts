// node:async_hooks for the web worker of expressions, which evaluates one expression at a time: so the store that was
// entered last is the current one, also after an await.
export class AsyncLocalStorage<T> {
  #store: T | undefined;
  run<R>(store: T, work: () => R): R {
    this.#store = store;
    return work();
  }
  getStore(): T | undefined {
    return this.#store;
  }
}
