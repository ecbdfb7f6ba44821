// Sends changes of tables in the publication supabase_realtime to subscribers who may select the row. The stream
// starts with the first subscription.

import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import type { Pgoutput } from 'pg-logical-replication';
import { type Filter, parseFilters } from './change-filters.ts';
import { type ChangeType, changeError, changeMessage } from './change-message.ts';
import {
  describe,
  type Relation,
  readRelation,
  settled,
  type TextRow,
  visibleTo,
} from './change-rows.ts';
import type { Channel } from './channel.ts';
import type { Hub } from './hub.ts';
import type { ChangeBinding } from './join-config.ts';
import { ReplicationStream } from './replication.ts';
import { forgetSubscriptions, PUBLICATION, recordSubscription } from './subscription-rows.ts';

interface Subscription {
  id: number;
  channel: Channel;
  binding: ChangeBinding;
  filters: Filter[];
  rowId: string;
}

interface Change {
  type: ChangeType;
  relation: Pgoutput.MessageRelation;
  row: TextRow | null;
  old: TextRow | null;
}

const RELATION_TTL_MS = 5_000;

let nextId = 0;

export class PostgresChanges {
  readonly #pool: Pool;
  readonly #stream: ReplicationStream;
  readonly #log: (message: string) => void;
  readonly #subscriptions = new Map<Channel, Subscription[]>();
  readonly #relations = new Map<number, Relation>();
  #starting: Promise<void> | undefined;
  #transaction: { xid: number; at: string; settled: boolean } | undefined;
  #stopped = false;

  constructor(dbUrl: string, pool: Pool, hub: Hub, log: (message: string) => void) {
    this.#pool = pool;
    this.#log = log;
    this.#stream = new ReplicationStream({
      dbUrl,
      name: 'changes',
      publication: PUBLICATION,
      sequential: true,
      onMessage: (message) => this.#receive(message),
      onGap: () => hub.failAll(),
      log,
    });
  }

  /** `active` settles when the stream is running: true if there are any bindings. */
  subscribe(
    channel: Channel,
    bindings: ChangeBinding[],
  ): { bindings: (ChangeBinding & { id: number })[]; active: Promise<boolean> } {
    if (bindings.length === 0) return { bindings: [], active: Promise.resolve(false) };
    const answered = bindings.map((binding) => {
      nextId += 1;
      return { ...binding, id: nextId };
    });
    return { bindings: answered, active: this.#activate(channel, bindings, answered) };
  }

  async #activate(
    channel: Channel,
    bindings: ChangeBinding[],
    answered: { id: number }[],
  ): Promise<boolean> {
    const subscriptions = bindings.map((binding, index) => ({
      id: answered[index]?.id ?? 0,
      channel,
      binding,
      filters: parseFilters(binding.filter),
      rowId: randomUUID(),
    }));
    try {
      for (const { rowId, binding, filters } of subscriptions) {
        await recordSubscription(this.#pool, rowId, binding, filters, channel.identity);
      }
      await this.#started();
      if (!channel.open) throw new Error('The channel was closed');
    } catch (error) {
      // Either all subscriptions are recorded or none.
      this.#forget(subscriptions);
      throw error;
    }
    this.#subscriptions.set(channel, subscriptions);
    return true;
  }

  unsubscribe(channel: Channel): void {
    const subscriptions = this.#subscriptions.get(channel);
    if (!subscriptions) return;
    this.#subscriptions.delete(channel);
    this.#forget(subscriptions);
  }

  #forget(subscriptions: Subscription[]): void {
    if (this.#stopped) return;
    const ids = subscriptions.map(({ rowId }) => rowId);
    forgetSubscriptions(this.#pool, ids).catch((error: unknown) =>
      this.#log(`realtime.subscription: ${String(error)}`),
    );
  }

  /** Stores the claims of the caller's new token in `realtime.subscription`. */
  async changeIdentity(channel: Channel): Promise<void> {
    const ids = (this.#subscriptions.get(channel) ?? []).map(({ rowId }) => rowId);
    if (ids.length === 0) return;
    await this.#pool.query(
      'update realtime.subscription set claims = $2 where subscription_id = any($1::uuid[])',
      [ids, channel.identity.claims],
    );
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#starting?.catch(() => undefined);
    await this.#stream.stop();
  }

  // The stream -----------------------------------------------------------------------------------

  async #started(): Promise<void> {
    if (this.#stopped) throw new Error('Realtime is restarting, please standby');
    this.#starting ??= this.#stream.start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    await this.#starting;
  }

  // Changes --------------------------------------------------------------------------------------

  async #receive(message: Pgoutput.Message): Promise<void> {
    switch (message.tag) {
      case 'begin': {
        const at = new Date(Number(BigInt(message.commitTime.toString()) / 1000n)).toISOString();
        this.#transaction = { xid: message.xid, at, settled: false };
        return;
      }
      case 'relation':
        this.#relations.delete(message.relationOid);
        return;
      case 'insert':
        return await this.#dispatch({ ...message, type: 'INSERT', row: message.new, old: null });
      case 'update': {
        // The key of the old row is sent only if it has changed.
        const old = message.old ?? message.key ?? keyOf(message.relation, message.new);
        return await this.#dispatch({ ...message, type: 'UPDATE', row: message.new, old });
      }
      case 'delete': {
        const old = message.old ?? message.key ?? {};
        return await this.#dispatch({ ...message, type: 'DELETE', row: null, old });
      }
    }
  }

  async #dispatch(change: Change): Promise<void> {
    const subscriptions = [...this.#subscriptions.values()]
      .flat()
      .filter(({ binding }) => concerns(binding, change));
    if (subscriptions.length === 0) return;
    try {
      await this.#deliver(change, subscriptions);
    } catch (error) {
      // A row whose policies cannot be checked is not sent; the stream continues.
      this.#log(`change of ${change.relation.schema}.${change.relation.name}: ${String(error)}`);
    }
  }

  async #deliver(change: Change, subscriptions: Subscription[]): Promise<void> {
    const transaction = this.#transaction;
    if (transaction && !transaction.settled) {
      await settled(this.#pool, transaction.xid);
      transaction.settled = true;
    }
    const relation = await this.#relation(change.relation);
    const judged = change.row ?? change.old ?? {};
    const { record, matching } = await this.#match(relation, judged, subscriptions);
    const old =
      change.type === 'UPDATE' && change.old
        ? (await describe(this.#pool, relation, change.old, [])).record
        : record;
    // Callers with the same claims see the same rows.
    const byCaller = Map.groupBy(matching, ({ channel }) =>
      JSON.stringify(channel.identity.claims),
    );
    const hasKey = relation.columns.some((column) => column.isKey);
    for (const group of byCaller.values()) {
      const [first] = group;
      if (!first) continue;
      const { columns, visible } = await visibleTo(
        this.#pool,
        relation,
        // A deleted row cannot be selected; its subscribers get only its key.
        change.type === 'DELETE' || !hasKey ? null : judged,
        first.channel.identity,
      );
      if (change.type !== 'DELETE' && !hasKey) {
        send(group, changeError(change.type, relation, 'Error 400: Bad Request, no primary key'));
      } else if (columns.size === 0) {
        send(group, changeError(change.type, relation, 'Error 401: Unauthorized'));
      } else if (visible) {
        const at = transaction?.at ?? '';
        send(group, changeMessage(change.type, relation, columns, at, record, old));
      }
    }
  }

  /** The subscriptions whose filters the row passes, from one statement, or from one for each if that fails. */
  async #match(
    relation: Relation,
    row: TextRow,
    subscriptions: Subscription[],
  ): Promise<{ record: Record<string, unknown>; matching: Subscription[] }> {
    const filters = subscriptions.flatMap((subscription) => subscription.filters);
    try {
      const { record, passes } = await describe(this.#pool, relation, row, filters);
      let position = 0;
      const matching = subscriptions.filter((subscription) => {
        const verdicts = passes.slice(position, position + subscription.filters.length);
        position += subscription.filters.length;
        return verdicts.every((verdict) => verdict);
      });
      return { record, matching };
    } catch (error) {
      if (filters.length === 0) throw error;
      // A filter that fails on this row hides the row only from its own subscriber.
      const { record } = await describe(this.#pool, relation, row, []);
      const matching: Subscription[] = [];
      for (const subscription of subscriptions) {
        const passes = await describe(this.#pool, relation, row, subscription.filters).then(
          (described) => described.passes,
          () => [false],
        );
        if (passes.every((verdict) => verdict)) matching.push(subscription);
      }
      return { record, matching };
    }
  }

  async #relation({ relationOid, schema, name }: Pgoutput.MessageRelation): Promise<Relation> {
    const known = this.#relations.get(relationOid);
    if (known && Date.now() - known.readAt < RELATION_TTL_MS) return known;
    const relation = await readRelation(this.#pool, schema, name);
    this.#relations.set(relationOid, relation);
    return relation;
  }
}

function concerns({ event, schema, table }: ChangeBinding, { type, relation }: Change): boolean {
  return (
    (event === '*' || event.toUpperCase() === type) &&
    (schema === undefined || schema === '*' || schema === relation.schema) &&
    (table === undefined || table === '*' || table === relation.name)
  );
}

function keyOf(relation: Pgoutput.MessageRelation, row: TextRow): TextRow {
  return Object.fromEntries(relation.keyColumns.map((name) => [name, row[name]]));
}

function send(subscriptions: Subscription[], data: Record<string, unknown>): void {
  for (const [channel, own] of Map.groupBy(subscriptions, (subscription) => subscription.channel)) {
    channel.push('postgres_changes', { ids: own.map(({ id }) => id), data });
  }
}
