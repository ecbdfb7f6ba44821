// The claimer: turns fetched tokens into steps. A run whose first step may be executed eagerly starts
// without a claim; all other tokens are claimed by one statement. If that fails for what it contains, it is halved
// beside the rounds of the producer, until the run that is the cause stands alone and fails.

import { isContentFault, isLockTimeout, isStatementTimeout } from '../_shared/db/faults.ts';
import type { Dispatcher } from './dispatcher.ts';
import { eagerStartOf } from './eager-execution.ts';
import type { Engine, Token, Work } from './engine/engine.ts';
import type { Leases } from './leases.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Plans } from './plans.ts';
import type { RunMemory } from './run-memory.ts';

export interface ClaimerOptions {
  engine: Pick<Engine, 'claim' | 'failUnwakeable'>;
  plans: Plans;
  lifecycle: Pick<Lifecycle, 'isRunning'>;
  memory: Pick<RunMemory, 'retain' | 'release' | 'facts' | 'keepFacts'>;
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
    const tokensToClaim = others.filter((token) => token !== undefined);
    try {
      await this.#claim(tokensToClaim);
    } catch (error) {
      if (!isContentFault(error) && !isLockTimeout(error)) throw error;
      this.#track(this.#isolate(tokensToClaim, error), tokensToClaim);
    }
  }

  /** Runs whose eager start failed or was not accepted: they start by a claim, and their first step runs again. */
  startByClaim(branches: readonly { work: Work }[]): void {
    if (branches.length === 0) return;
    const { leases, dispatcher } = this.#options;
    const tokens = branches.flatMap(({ work }) =>
      leases
        .list([work.job_id])
        .map((lease) => ({ ...lease, runId: work.run_id, hasBacklog: false })),
    );
    // Deferred: advance() below must run first, because it ends the leases that the claim acquires again.
    this.#track(
      Promise.resolve().then(() => this.#claim(tokens)),
      tokens,
    );
    dispatcher.advance(branches, []);
  }

  /** A claim that no round waits for. */
  #track(claiming: Promise<void>, tokens: readonly Token[]): void {
    const { onClaimed, onError } = this.#options;
    const claim = claiming
      .catch((error: unknown) =>
        onError(`${tokens.length} tokens could not be claimed; their leases expire`, error),
      )
      .finally(() => {
        this.#claims.delete(claim);
        onClaimed();
      });
    this.#claims.add(claim);
  }

  /** The claim of these tokens failed because of what some of them carry. */
  async #isolate(tokens: readonly Token[], error: unknown): Promise<void> {
    const { engine, onError } = this.#options;
    const [first] = tokens;
    if (tokens.length > 1) {
      const half = tokens.length >> 1;
      for (const part of [tokens.slice(0, half), tokens.slice(half)]) {
        await this.#claim(part).catch((failure: unknown) => this.#isolate(part, failure));
      }
    } else if (first && isContentFault(error)) {
      onError(`run ${first.runId} could not be claimed; it fails`, error);
      await engine.failUnwakeable(first.runId, isStatementTimeout(error) ? undefined : error);
    } else onError('a token could not be claimed; its lease expires', error);
  }

  async #startEagerly(token: Token): Promise<boolean> {
    if (!token.start) return false;
    const { plans, dispatcher } = this.#options;
    const plan = await plans.get(token.start.workflow_version_id).catch(() => undefined);
    const first = plan && eagerStartOf(plan);
    if (first) dispatcher.startEagerly(token, token.start, first.id);
    return first !== undefined;
  }

  /** While the statement runs, the worker already loads what the steps will read of their runs, if the token lacks it. */
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
      const { runId, start } = token;
      // The token of a new run carries them, if they are small.
      if (start) {
        const { app_code: _app, workflow_version_id: _version, ...facts } = start;
        memory.keepFacts({ run_id: runId, ...facts });
      } else memory.facts(runId).catch(() => undefined);
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
