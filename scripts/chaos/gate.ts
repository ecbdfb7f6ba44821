// A gate for client calls: shut while the database restarts. What is under test is how workers bear that;
// the embedded Data API's driver may end the whole process when a connection breaks within a call.

export interface Gate {
  /** Runs the call once the gate is open. */
  through<T>(call: () => PromiseLike<T>): Promise<T>;
  /** Shuts the gate, lets the calls under way end, runs the work, and opens the gate again. */
  shutWhile(work: () => Promise<void>): Promise<void>;
}

export function createGate(): Gate {
  let shut: Promise<void> | undefined;
  const underWay = new Set<Promise<unknown>>();
  return {
    async through(call) {
      while (shut) await shut;
      const running = Promise.resolve(call());
      const settled: Promise<unknown> = running.then(
        () => underWay.delete(settled),
        () => underWay.delete(settled),
      );
      underWay.add(settled);
      return await running;
    },
    async shutWhile(work) {
      const { promise, resolve } = Promise.withResolvers<void>();
      shut = promise;
      try {
        await Promise.all(underWay);
        await work();
      } finally {
        shut = undefined;
        resolve();
      }
    },
  };
}
