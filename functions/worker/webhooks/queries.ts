// The statements of webhook deliveries (*_deliver_webhooks.sql).
import type { Db } from '../../_shared/db/pool.ts';
import { storableText } from '../../_shared/text/storable.ts';

/** A delivery that this worker has claimed. */
export interface Delivery {
  /** Sent as webhook-id. */
  id: string;
  app_code: string;
  url: string;
  /** Counts from 1; a result of another attempt is refused. */
  attempt: number;
  /** The body, as it is signed. */
  payload: string;
  /** Several while a new secret replaces an old one. */
  secrets: readonly string[];
  /** The run of the event and its trace; null for a test, or after the run was deleted. */
  run_id?: string | null;
  trace_id?: string | null;
  traceparent?: string | null;
}

export interface AttemptResult {
  /** Undefined: the receiver accepted the delivery. */
  failure?: string;
  status?: number;
  /** The beginning of the response. */
  body?: string;
  durationMs: number;
}

export interface DeliveryStore {
  /** `busy`: the application of each delivery in flight; the database bounds those of one application. */
  claim(busy: readonly string[], limit: number): Promise<Delivery[]>;
  record(delivery: Delivery, result: AttemptResult): Promise<void>;
}

export function createDeliveryStore(db: Db): DeliveryStore {
  return {
    claim: (busy, limit) =>
      db.query('select * from stepbase_engine.claim_webhook_deliveries($1::text[], $2)', [
        busy,
        limit,
      ]),
    async record({ id, attempt }, { failure, status, body, durationMs }) {
      await db.query('select stepbase_engine.record_webhook_attempt($1, $2, $3, $4, $5, $6)', [
        id,
        attempt,
        status ?? null,
        body === undefined ? null : storableText(body),
        failure ?? null,
        Math.round(durationMs),
      ]);
    },
  };
}
