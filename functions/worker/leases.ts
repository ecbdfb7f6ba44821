// What a worker holds: tokens, how many branches of each it carries, by which delivery it got them, and those
// whose steps it will not execute any more.

import type { Lease } from './engine/engine.ts';

interface Held {
  delivery: number | undefined;
  branches: number;
}

export interface Leases {
  readonly size: number;
  /** A token came; whether it carries anything shows when it is claimed. */
  take(token: Lease): void;
  /** One more branch of the token is carried. */
  enter(jobId: string): void;
  /** One branch less; a token without any is let go. */
  leave(jobId: string): void;
  /** Lets a token go that carries nothing. */
  settle(jobId: string): void;
  /** These, or all, as they were delivered. */
  list(jobIds?: Iterable<string>): Lease[];
  /** They go back to the queue when this worker stops. */
  abandon(tokens: readonly Lease[]): void;
  drainAbandoned(): Lease[];
}

export function createLeases(): Leases {
  const tokens = new Map<string, Held>();
  const stranded = new Map<string, Lease>();

  function held(jobId: string): Held {
    let token = tokens.get(jobId);
    if (!token) {
      token = { delivery: undefined, branches: 0 };
      tokens.set(jobId, token);
    }
    return token;
  }

  function settle(jobId: string): void {
    if ((tokens.get(jobId)?.branches ?? 0) <= 0) tokens.delete(jobId);
  }

  return {
    get size() {
      return tokens.size;
    },
    take({ jobId, delivery }) {
      held(jobId).delivery = delivery;
    },
    enter(jobId) {
      held(jobId).branches += 1;
    },
    leave(jobId) {
      const token = tokens.get(jobId);
      if (token) token.branches -= 1;
      settle(jobId);
    },
    settle,
    list(jobIds = tokens.keys()) {
      return [...jobIds].flatMap((jobId) => {
        const delivery = tokens.get(jobId)?.delivery;
        return delivery === undefined ? [] : [{ jobId, delivery }];
      });
    },
    abandon(left) {
      for (const { jobId, delivery } of left) stranded.set(jobId, { jobId, delivery });
    },
    drainAbandoned() {
      const left = [...stranded.values()];
      stranded.clear();
      return left;
    },
  };
}
