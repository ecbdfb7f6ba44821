// The exporter: sends spans to a collector in batches, beside the work. The queue is bounded and each request has a
// deadline, so a collector that does not answer costs spans and never delays a step.

import type { Clock } from '../../_shared/clock/clock.ts';
import type { TracingSettings } from '../../_shared/tracing/settings.ts';
import { encodeSpans, type Span } from './span.ts';

/** The defaults of the batch span processor of OpenTelemetry. */
const MAX_QUEUE = 2_048;
const MAX_BATCH = 512;
const DELAY_MS = 5_000;
const REQUEST_MS = 10_000;
/** One report in this time, however many batches fail. */
const REPORT_MS = 60_000;
/** The statuses that a sender of OTLP repeats. */
const RETRYABLE = new Set([429, 502, 503, 504]);

export interface ExporterStats {
  spans_exported: number;
  spans_dropped: number;
}

/** fetch, as the exporter calls it. */
export type Post = (
  url: string,
  init: {
    method: 'POST';
    headers: Record<string, string>;
    body: string;
    signal: AbortSignal;
    redirect: 'error';
  },
) => Promise<Response>;

export interface ExporterOptions {
  settings: Pick<TracingSettings, 'url' | 'headers' | 'resource'>;
  clock: Clock;
  onError(message: string, error: unknown): void;
  post?: Post;
}

export class Exporter {
  readonly #options: ExporterOptions;
  readonly #queue: Span[] = [];
  readonly stats: ExporterStats = { spans_exported: 0, spans_dropped: 0 };
  #cancelTimer: (() => void) | undefined;
  #sending: Promise<void> | undefined;
  /** The last request has to be repeated: only the timer sends, so that a dead collector gets few requests. */
  #isFailing = false;
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ExporterOptions) {
    this.#options = options;
  }

  add(spans: readonly Span[]): void {
    const room = Math.max(0, MAX_QUEUE - this.#queue.length);
    this.#queue.push(...spans.slice(0, room));
    this.stats.spans_dropped += Math.max(0, spans.length - room);
    if (this.#queue.length >= MAX_BATCH && !this.#isFailing) void this.#send();
    else if (this.#queue.length > 0) this.#sendLater();
  }

  /** Sends what is queued now; resolves after `limitMs` at the latest. */
  async flush(limitMs: number): Promise<void> {
    const { clock } = this.#options;
    const limit = new AbortController();
    const cancel = clock.after(limitMs, () => limit.abort());
    const late = new Promise<void>((resolve) => {
      limit.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    // What is being sent may have left a part of the queue.
    const all = (async () => {
      await this.#sending;
      await this.#send();
    })();
    await Promise.race([all, late]);
    cancel();
  }

  #sendLater(): void {
    this.#cancelTimer ??= this.#options.clock.after(DELAY_MS, () => {
      this.#cancelTimer = undefined;
      void this.#send();
    });
  }

  #send(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
      if (this.#queue.length > 0) this.#sendLater();
    });
    return this.#sending;
  }

  /** Ends with the first batch that has to be repeated later. */
  async #sendAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.slice(0, MAX_BATCH);
      const result = await this.#post(batch);
      this.#isFailing = result === 'later';
      if (result === 'later') return;
      this.#queue.splice(0, batch.length);
      this.stats.spans_exported += result;
      this.stats.spans_dropped += batch.length - result;
    }
  }

  /** How many spans the collector took, or that it may take them later. */
  async #post(batch: readonly Span[]): Promise<number | 'later'> {
    const { settings, clock, post = fetch } = this.#options;
    const limit = new AbortController();
    const cancel = clock.after(REQUEST_MS, () =>
      limit.abort(new Error(`no response within ${REQUEST_MS} ms`)),
    );
    try {
      const response = await post(settings.url, {
        method: 'POST',
        headers: { ...settings.headers, 'content-type': 'application/json' },
        body: encodeSpans(batch, settings.resource),
        signal: limit.signal,
        redirect: 'error',
      });
      if (response.ok) return batch.length - rejectedOf(await response.text());
      await response.body?.cancel();
      this.#report(new Error(`the collector answered ${response.status}`));
      return RETRYABLE.has(response.status) ? 'later' : 0;
    } catch (error) {
      this.#report(error);
      return 'later';
    } finally {
      cancel();
    }
  }

  #report(error: unknown): void {
    const { clock, onError } = this.#options;
    if (clock.now() < this.#reportedAt + REPORT_MS) return;
    this.#reportedAt = clock.now();
    onError('spans could not be exported', error);
  }
}

/** A collector may accept a part of the spans: {"partialSuccess": {"rejectedSpans": "3"}}. */
function rejectedOf(body: string): number {
  try {
    const { partialSuccess } = JSON.parse(body) as {
      partialSuccess?: { rejectedSpans?: string | number };
    };
    return Number(partialSuccess?.rejectedSpans ?? 0) || 0;
  } catch {
    return 0;
  }
}
