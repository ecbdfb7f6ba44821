// Changes of tables in the publication supabase_realtime, to those who subscribed and may select
// the row. The stream only runs while somebody listens.

import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import type { Pgoutput } from 'pg-logical-replication';
import { type Filter, parseFilters } from './change-filters.ts';
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
import { limits } from './limits.ts';
import { ReplicationStream } from './replication.ts';

type ChangeType = 'INSERT' | 'UPDATE' | 'DELETE';

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

const PUBLICATION = 'supabase_realtime';
const RELATION_TTL_MS = 5_000;
const IDLE_STREAM_MS = 30_000;

let nextId = 0;

export class PostgresChanges {
  readonly #pool: Pool;
  readonly #stream: ReplicationStream;
  readonly #log: (message: string) => void;
  readonly #subscriptions = new Map<Channel, Subscription[]>();
  readonly #relations = new Map<number, Relation>();
  #starting: Promise<void> | undefined;
  #idle: NodeJS.Timeout | undefined;
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

  /** `active` settles when changes flow: true where there are any bindings. */
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
    for (const subscription of subscriptions) await this.#record(subscription);
    await this.#started();
    if (!channel.open) {
      this.#forget(subscriptions);
      return false;
    }
    this.#subscriptions.set(channel, subscriptions);
    return true;
  }

  unsubscribe(channel: Channel): void {
    const subscriptions = this.#subscriptions.get(channel);
    if (!subscriptions) return;
    this.#subscriptions.delete(channel);
    this.#forget(subscriptions);
    if (this.#subscriptions.size > 0 || this.#stopped) return;
    this.#idle = setTimeout(() => this.#rest(), IDLE_STREAM_MS);
    this.#idle.unref();
  }

  /** The channel's caller has a new token; `realtime.subscription` shows its claims. */
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
    clearTimeout(this.#idle);
    await this.#starting?.catch(() => undefined);
    await this.#stream.stop();
  }

  // The stream -----------------------------------------------------------------------------------

  async #started(): Promise<void> {
    clearTimeout(this.#idle);
    if (this.#stopped) throw new Error('Realtime is restarting, please standby');
    this.#starting ??= this.#stream.start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    await this.#starting;
  }

  #rest(): void {
    if (this.#subscriptions.size > 0) return;
    const stopping = this.#stream.stop().catch((error: unknown) => this.#log(String(error)));
    // Whoever subscribes meanwhile starts it again once it has stopped.
    const restart = stopping.then(() => {
      if (this.#starting === restart) this.#starting = undefined;
    });
    this.#starting = restart;
  }

  // Rows of realtime.subscription ------------------------------------------------------------------

  /** One row for each table it means; none means nothing there is published. */
  async #record({ channel, binding, filters, rowId }: Subscription): Promise<void> {
    const { event, schema = '*', table = '*', filter } = binding;
    const recorded = await this.#pool.query(
      `insert into realtime.subscription (subscription_id, entity, filters, claims, action_filter)
       select $1, format('%I.%I', schemaname, tablename)::regclass,
              array(select row(f.column_name, f.op, f.value, f.negate)::realtime.user_defined_filter
                    from jsonb_to_recordset($5::jsonb)
                      as f (column_name text, op realtime.equality_op, value text, negate boolean)),
              $6, $7
       from pg_publication_tables
       where pubname = '${PUBLICATION}' and ($2 = '*' or schemaname = $2)
         and ($3 = '*' or tablename = $3)
         -- A filter names a column the role may read.
         and not exists (
           select from jsonb_to_recordset($5::jsonb) as f (column_name text)
           where not coalesce(has_column_privilege($4::name,
             format('%I.%I', schemaname, tablename)::regclass, (
               select attnum from pg_attribute
               where attrelid = format('%I.%I', schemaname, tablename)::regclass
                 and attname = f.column_name and attnum > 0 and not attisdropped
             ), 'select'), false)
         )`,
      [
        rowId,
        schema,
        table,
        channel.identity.role,
        JSON.stringify(
          filters.map(({ column, operator, values, negate }) => ({
            column_name: column,
            op: operator,
            value: operator === 'in' ? `(${values.join(',')})` : values[0],
            negate,
          })),
        ),
        channel.identity.claims,
        event.toUpperCase(),
      ],
    );
    if (recorded.rowCount !== 0) return;
    throw new Error(
      'Unable to subscribe to changes with given parameters. Please check Realtime is enabled for ' +
        `the given connect parameters: [event: ${event}, schema: ${schema}, table: ${table}, ` +
        `filters: [${filter ?? ''}]]`,
    );
  }

  #forget(subscriptions: Subscription[]): void {
    if (this.#stopped) return;
    const ids = subscriptions.map(({ rowId }) => rowId);
    this.#pool
      .query('delete from realtime.subscription where subscription_id = any($1::uuid[])', [ids])
      .catch((error: unknown) => this.#log(`realtime.subscription: ${String(error)}`));
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
        // The old row's key is only sent when it changed.
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
      // One row that cannot be judged is not shown; the stream goes on.
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
    const filters = subscriptions.flatMap((subscription) => subscription.filters);
    const judged = change.row ?? change.old ?? {};
    const { record, passes } = await describe(this.#pool, relation, judged, filters);
    const old =
      change.type === 'UPDATE' && change.old
        ? (await describe(this.#pool, relation, change.old, [])).record
        : record;

    let position = 0;
    const matching = subscriptions.filter(({ filters: own }) => {
      const verdicts = passes.slice(position, position + own.length);
      position += own.length;
      return verdicts.every((verdict) => verdict);
    });
    // Callers with the same claims see the same.
    const byCaller = Map.groupBy(matching, ({ channel }) =>
      JSON.stringify(channel.identity.claims),
    );
    const hasKey = relation.columns.some((column) => column.isKey);
    for (const group of byCaller.values()) {
      const [first] = group;
      if (!first) continue;
      const errors: string[] = [];
      const { columns, visible } = await visibleTo(
        this.#pool,
        relation,
        // A deleted row cannot be asked for; its subscribers learn no more than its key.
        change.type === 'DELETE' || !hasKey ? null : judged,
        first.channel.identity,
      );
      if (change.type !== 'DELETE' && !hasKey)
        errors.push('Error 400: Bad Request, no primary key');
      else if (columns.size === 0) errors.push('Error 401: Unauthorized');
      else if (!visible) continue;
      const data = body(change, relation, columns, errors, transaction?.at ?? '', record, old);
      send(group, data);
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

function body(
  { type }: Change,
  relation: Relation,
  readable: Set<string>,
  errors: string[],
  commitTimestamp: string,
  record: Record<string, unknown>,
  old: Record<string, unknown>,
): Record<string, unknown> {
  const { schema, table } = relation;
  if (errors.length > 0) return { schema, table, type, errors };
  const tooLarge = JSON.stringify(record).length > limits.changeBytes;
  const visible = (row: Record<string, unknown>, keyOnly: boolean) =>
    Object.fromEntries(
      relation.columns
        .filter(({ name, isKey }) => name in row && readable.has(name) && (isKey || !keyOnly))
        .filter(({ name }) => !tooLarge || (JSON.stringify(row[name]) ?? '').length <= 64)
        .map(({ name }) => [name, row[name]]),
    );
  return {
    schema,
    table,
    type,
    commit_timestamp: commitTimestamp,
    columns: relation.columns
      .filter(({ name }) => readable.has(name))
      .map(({ name, typeName }) => ({ name, type: typeName })),
    ...(type === 'DELETE' ? {} : { record: visible(record, false) }),
    // Under RLS a deleted row can no longer be judged: only its key is told, as hosted.
    ...(type === 'INSERT'
      ? {}
      : { old_record: visible(old, type === 'DELETE' && relation.hasRls) }),
    errors: tooLarge ? ['Error 413: Payload Too Large'] : null,
  };
}

function send(subscriptions: Subscription[], data: Record<string, unknown>): void {
  for (const [channel, own] of Map.groupBy(subscriptions, (subscription) => subscription.channel)) {
    channel.push('postgres_changes', { ids: own.map(({ id }) => id), data });
  }
}
