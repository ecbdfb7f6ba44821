// The handshake of functions with the schema: asked at start, then once a minute beside the work, so that a request does
// not wait for it. While they do not fit, it is asked at most once a second, and the functions recover by themselves.

import type { Clock } from '../clock/clock.ts';
import type { Db } from '../db/pool.ts';
import type { AppError } from '../errors/index.ts';
import { SCHEMA_FROM, VERSION } from '../version.ts';
import { type FunctionsVersion, misfit, type SchemaVersion } from './verdict.ts';

/** A schema that fits rarely stops to do so while a process lives. */
const FRESH_MS = 60_000;
/** An operator who has applied the migrations waits at most this long. */
const AGAIN_MS = 1_000;

export interface Handshake {
  /** The error if functions and schema do not fit. An unreachable database is no answer: undefined. */
  refusal(): Promise<AppError | undefined>;
  /** Asks now, for a probe; rejects if the database does not answer. */
  probe(): Promise<AppError | undefined>;
  /** The version of the schema, as far as it is known. */
  readonly schema: SchemaVersion | undefined;
}

export interface HandshakeOptions {
  /** Resolves with undefined if the schema has no version(). */
  ask(): Promise<SchemaVersion | undefined>;
  clock: Clock;
  functions?: FunctionsVersion;
  /** Called when the outcome changes. */
  onChange?(refusal: AppError | undefined, schema: SchemaVersion | undefined): void;
}

export function createHandshake(options: HandshakeOptions): Handshake {
  const { ask, clock, onChange } = options;
  const functions = options.functions ?? { version: VERSION, schemaFrom: SCHEMA_FROM };
  let schema: SchemaVersion | undefined;
  let refusal: AppError | undefined;
  /** Whether the last answer is that of the schema. */
  let isKnown = false;
  let askedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<unknown> | undefined;

  async function probe(): Promise<AppError | undefined> {
    askedAt = clock.now();
    const found = await ask();
    const next = misfit(functions, found);
    const isChange = next?.code !== refusal?.code || found?.version !== schema?.version;
    const isFirst = !isKnown;
    [schema, refusal, isKnown] = [found, next, true];
    if (isFirst ? next !== undefined : isChange) onChange?.(refusal, schema);
    return refusal;
  }

  /** Concurrent callers share one question. */
  function refreshed(): Promise<unknown> {
    asking ??= probe()
      // The statement that follows reports what is wrong with the database. An earlier answer stays.
      .catch(() => undefined)
      .finally(() => {
        asking = undefined;
      });
    return asking;
  }

  return {
    probe,
    get schema() {
      return schema;
    },
    async refusal() {
      const age = clock.now() - askedAt;
      if (isKnown && refusal === undefined) {
        if (age >= FRESH_MS) void refreshed();
        return undefined;
      }
      if (asking !== undefined || age >= AGAIN_MS) await refreshed();
      return refusal;
    },
  };
}

/** Asks the database. */
export function askSchema(db: Db): () => Promise<SchemaVersion | undefined> {
  return async () => {
    try {
      const [row] = await db.query<{ found: SchemaVersion }>(
        'select stepbase_engine.version() as found',
      );
      return row?.found;
    } catch (error) {
      if (MISSING.has((error as { code?: string }).code ?? '')) return undefined;
      throw error;
    }
  };
}

/** There is no such function, no such schema, or the role has no access to it: it was not migrated. */
const MISSING: ReadonlySet<string> = new Set(['42883', '3F000', '42501']);
