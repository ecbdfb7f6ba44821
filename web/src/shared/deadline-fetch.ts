// A request that gets no answer ends: `withDeadline(fetch, ms)` rejects as a lost connection does, so that the page shows
// it and reads again. Only requests whose answers are small have a deadline, not downloads.

const HAS_DEADLINE = /\/(rest|auth)\/v1\//;

/** `ms`: until the whole answer has arrived. */
export function withDeadline(send: typeof fetch, ms: number): typeof fetch {
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (!HAS_DEADLINE.test(url)) return await send(input, init);
    const late = AbortSignal.timeout(ms);
    const { signal } = init ?? {};
    try {
      return await send(input, {
        ...init,
        signal: signal ? AbortSignal.any([signal, late]) : late,
      });
    } catch (error) {
      if (!late.aborted || signal?.aborted) throw error;
      throw new TypeError(`Failed to fetch: no answer within ${ms / 1_000} s`);
    }
  };
}
