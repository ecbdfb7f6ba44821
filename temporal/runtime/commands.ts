// What the database decided about waiting steps. A decision may arrive before the step waits for it.

import type { Command, StepKey } from '../records.ts';

export type Decision = Extract<Command, { kind: 'resolve' | 'reject' }>;

const nameOf = ({ node, item, attempt }: StepKey) => `${node}/${item}/${attempt}`;

export class Decisions {
  readonly #waiting = new Map<string, (decision: Decision) => void>();
  readonly #early = new Map<string, Decision>();

  add(decision: Decision): void {
    const name = nameOf(decision);
    const resolve = this.#waiting.get(name);
    this.#waiting.delete(name);
    if (resolve) resolve(decision);
    else this.#early.set(name, decision);
  }

  /** Never settles for a step that the end of the run leaves waiting. */
  of(key: StepKey): Promise<Decision> {
    const name = nameOf(key);
    const early = this.#early.get(name);
    this.#early.delete(name);
    if (early) return Promise.resolve(early);
    return new Promise((resolve) => this.#waiting.set(name, resolve));
  }

  /** Those that no step has waited for yet: a run that continues as new takes them along. */
  get early(): Decision[] {
    return [...this.#early.values()];
  }
}
