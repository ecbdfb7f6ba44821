// The leases that a worker holds: for each token the delivery by which it arrived and the number of its
// branches here, and the tokens that the worker abandons, which go back to the queue when it stops.

import type { Lease } from './engine/types.ts';

interface Held {
  delivery: number | undefined;
  branches: number;
}

export class Leases {
  readonly #held = new Map<string, Held>();
  readonly #abandoned = new Map<string, Lease>();

  get size(): number {
    return this.#held.size;
  }

  /** A token arrived; the claim shows how many branches it carries. */
  acquire({ jobId, delivery }: Lease): void {
    this.#entry(jobId).delivery = delivery;
  }

  /** This worker executes one more branch of the token. */
  retain(jobId: string): void {
    this.#entry(jobId).branches += 1;
  }

  /** One branch less; the lease ends with the last one. */
  release(jobId: string): void {
    const held = this.#held.get(jobId);
    if (held) held.branches -= 1;
    this.dropUnused(jobId);
  }

  /** Ends the lease of a token without branches. */
  dropUnused(jobId: string): void {
    if ((this.#held.get(jobId)?.branches ?? 0) <= 0) this.#held.delete(jobId);
  }

  /** The leases of these tokens, or all. */
  list(jobIds: Iterable<string> = this.#held.keys()): Lease[] {
    return [...jobIds].flatMap((jobId) => {
      const delivery = this.#held.get(jobId)?.delivery;
      return delivery === undefined ? [] : [{ jobId, delivery }];
    });
  }

  /** This worker will not execute any more steps of these tokens. */
  abandon(leases: readonly Lease[]): void {
    for (const { jobId, delivery } of leases) this.#abandoned.set(jobId, { jobId, delivery });
  }

  drainAbandoned(): Lease[] {
    const abandoned = [...this.#abandoned.values()];
    this.#abandoned.clear();
    return abandoned;
  }

  #entry(jobId: string): Held {
    let held = this.#held.get(jobId);
    if (!held) {
      held = { delivery: undefined, branches: 0 };
      this.#held.set(jobId, held);
    }
    return held;
  }
}
