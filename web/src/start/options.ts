// The options of a start besides its input, as the form has them and as start_run takes them.

export interface StartOptions {
  /** The number of a version; null: the published one. */
  version: number | null;
  /** -100 to 100; null: what the workflow decides. */
  priority: number | null;
  idempotencyKey: string;
  tags: string[];
  /** The value of a field of type datetime-local, in the zone of the browser; empty: at once. */
  startAt: string;
}

export const NO_OPTIONS: StartOptions = {
  version: null,
  priority: null,
  idempotencyKey: '',
  tags: [],
  startAt: '',
};

export interface StartArguments {
  version?: number;
  priority?: number;
  idempotency_key?: string;
  tags?: string[];
  start_at?: string;
}

/** Only the options that a person has set. */
export function argumentsOf(options: StartOptions): StartArguments {
  const { version, priority, idempotencyKey, tags, startAt } = options;
  return {
    ...(idempotencyKey.trim() ? { idempotency_key: idempotencyKey.trim() } : {}),
    ...(version === null ? {} : { version }),
    ...(priority === null ? {} : { priority }),
    ...(tags.length > 0 ? { tags } : {}),
    ...(startAt ? { start_at: new Date(startAt).toISOString() } : {}),
  };
}
