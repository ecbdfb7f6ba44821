// What a step type is: all facts for the database, the worker and clients, except its implementation.

import type { z } from 'zod';

/** Where the palette lists a type. */
export type StepCategory = 'action' | 'data' | 'control' | 'ai' | 'human' | 'component';

/** The language of a config key that holds code; such a key holds no templates. */
export type RawLanguage = 'jsonata' | 'javascript';

/** What a step waits for after its attempt has ended; the same values as step_runs.wait_kind. */
export type WaitKind = 'task' | 'delay' | 'signal' | 'child' | 'items' | 'queue';

/** Time limit of an attempt when neither the node nor the type has another one: no step keeps its job forever. */
export const ATTEMPT_TIMEOUT_MS = 300_000;

/** Time limit of an HTTP call. */
export const HTTP_TIMEOUT_MS = 30_000;

interface Facts {
  /** In snake_case; the value of `nodes[].type`. */
  readonly name: string;
  readonly label: string;
  readonly description: string;
  /** A name in web/src/shared/step-icons.ts. */
  readonly icon: string;
  /** #rrggbb, in lower case. */
  readonly color: string;
  readonly category: StepCategory;
  /** The config after its templates were filled in. config.ts has the rules for it. It refuses unknown keys. */
  readonly config: z.ZodObject;
  /** Config keys that hold code instead of a template. */
  readonly rawKeys: Readonly<Record<string, RawLanguage>>;
  /** Config keys that hold a URL: values in it are encoded for their place. */
  readonly urlKeys: readonly string[];
  /** Handles an edge may leave by, besides `error` and `timeout`, which every step has. */
  readonly handles: readonly string[] | 'any';
  /** Time limit of an attempt when the node has none; null: an attempt does no work, it only starts a wait. */
  readonly defaultTimeoutMs: number | null;
  /** Config keys that limit the wait; the first one that the config has counts. */
  readonly deadlineKeys: readonly string[];
  /** What its steps wait for; null: they complete with their attempt. A config with `wait: false` does not wait. */
  readonly waitKind: WaitKind | null;
  /** A component does its work: the config names one. */
  readonly isComponent: boolean;
  /** It works outside of Stepbase and counts against max_concurrent_activities of the task queue. */
  readonly isActivity: boolean;
  /** Its config is not stored, so templates in it may name secrets. */
  readonly mayUseSecrets: boolean;
  /** It reads only its context and has no side effects: the worker may execute it eagerly, and again. */
  readonly isPure: boolean;
  /** An attempt takes milliseconds, so a run may start with it eagerly. */
  readonly isBrief: boolean;
  /** Another attempt can help against its own errors; without this, only against time-outs and crashes. */
  readonly hasRetryableErrors: boolean;
  /** A for_each may run it for every item. */
  readonly allowedInForEach: boolean;
  /** It may compensate a step. */
  readonly allowedInCompensation: boolean;
}

export interface StepType extends Facts {
  /** It waits for a person: its step runs are tasks. */
  readonly isTask: boolean;
}

/** Keeps the exact types of the descriptor, so that its handler gets a typed config. */
export function defineStepType<const Type extends Facts>(
  type: Type,
): Type & { readonly isTask: boolean } {
  return { ...type, isTask: type.waitKind === 'task' };
}
