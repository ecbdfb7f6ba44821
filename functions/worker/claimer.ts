// The claimer: turns fetched tokens into steps. A run whose first step may be executed eagerly starts
// without a claim; all other tokens are claimed by one statement.

import type { Dispatcher } from './dispatcher.ts';
import { eagerStartOf } from './eager-execution.ts';
import type { Engine, Token, Work } from './engine/engine.ts';
import type { Leases } from './leases.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Plans } from './plans.ts';
import type { RunMemory } from './run-memory.ts';

export interface ClaimerOptions {
  engine: Pick<Engine, 'claim'>;
  plans: Plans;
  lifecycle: Pick<Lifecycle, 'isRunning'>;
  memory: Pick<RunMemory, 'retain' | 'release' | 'facts'>;
  leases: Leases;
  dispatcher: Pick<Dispatcher, 'dispatch' | 'startEagerly' | 'advance'>;
  /** A claim outside of a round has ended. */
  onClaimed(): void;
  onError(message: string, error: unknown): void;
}

export class Claimer {
  readonly #options: ClaimerOptions;
  /** Claims that no round of the producer waits for. */
  readonly #claims = new Set<Promise<void>>();

  constructor(options: ClaimerOptions) {
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#claims.size > 0;
  }

  /** Resolves when the claims of startByClaim have ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#claims);
  }

  async start(tokens: readonly Token[]): Promise<void> {
    const others = await Promise.all(
      tokens.map(async (token) => ((await this.#startEagerly(token)) ? undefined : token)),
    );
    await this.#claim(others.filter((token) => token !== undefined));
  }

  /** Runs whose eager start failed or was not accepted: they start by a claim, and their first step runs again. */
  startByClaim(branches: readonly { work: Work }[]): void {
    if (branches.length === 0) return;
    const { leases, dispatcher, onClaimed, onError } = this.#options;
    const tokens = branches.flatMap(({ work }) =>
      leases
        .list([work.job_id])
        .map((lease) => ({ ...lease, runId: work.run_id, hasBacklog: false })),
    );
    // Deferred: advance() below must run first, because it ends the leases that the claim acquires again.
    const claim = Promise.resolve()
      .then(() => this.#claim(tokens))
      .catch((error: unknown) =>
        onError(`${tokens.length} tokens could not be claimed; their leases expire`, error),
      )
      .finally(() => {
        this.#claims.delete(claim);
        onClaimed();
      });
    this.#claims.add(claim);
    dispatcher.advance(branches, []);
  }

  async #startEagerly(token: Token): Promise<boolean> {
    if (!token.start) return false;
    const { plans, dispatcher } = this.#options;
    const plan = await plans.get(token.start.workflow_version_id).catch(() => undefined);
    const first = plan && eagerStartOf(plan);
    if (first) dispatcher.startEagerly(token, token.start, first.id);
    return first !== undefined;
  }

  /** While the statement runs, the worker already loads what the steps will read of their runs. */
  async #claim(tokens: readonly Token[]): Promise<void> {
    if (tokens.length === 0) return;
    const { engine, lifecycle, memory, leases, dispatcher } = this.#options;
    if (!lifecycle.isRunning) {
      leases.abandon(tokens);
      return;
    }
    for (const token of tokens) {
      leases.acquire(token);
      memory.retain(token.runId);
      memory.facts(token.runId).catch(() => undefined);
    }
    try {
      const works = await engine.claim(tokens);
      // If an invocation has ended meanwhile, the steps are released instead of started.
      if (lifecycle.isRunning) dispatcher.dispatch(works);
      else leases.abandon(leases.list(works.map((work) => work.job_id)));
    } finally {
      for (const { runId, jobId } of tokens) {
        memory.release(runId);
        leases.dropUnused(jobId);
      }
    }
  }
}
