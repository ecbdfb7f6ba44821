// Joins a channel: identity, authorisation, replay, subscriptions.

import { Channel, type Services, type Transport } from './channel.ts';
import { type Identity, Refusal } from './identity.ts';
import { type JoinConfig, parseJoin } from './join-config.ts';
import { limits } from './limits.ts';
import { encodeBroadcast, type Frame, jsonBroadcast, type Message } from './protocol.ts';

export interface Joined {
  channel: Channel;
  response: { postgres_changes: unknown[] };
  /** Must be called after the reply has been sent. */
  afterReply: () => void;
}

/** May throw a Refusal. Calls `adopt` as soon as there is a channel that the socket must own. */
export async function join(
  services: Services,
  transport: Transport,
  connection: Identity,
  message: Message,
  adopt: (channel: Channel) => void,
): Promise<Joined> {
  if (message.topic === 'realtime:') {
    throw new Refusal('TopicNameRequired', 'You must provide a topic name');
  }
  const { config, token } = parseJoin(message.payload);
  // An API key instead of a user's token means that the channel uses the identity of the connection.
  const identity =
    token === undefined || token.startsWith('sb_')
      ? connection
      : await services.identities.of(token);
  services.users.admit(identity, transport);
  const { topic, joinRef, ref } = message;
  const channel = new Channel(services, transport, {
    topic,
    joinRef: joinRef ?? ref,
    config,
    identity,
  });
  if (config.broadcast.replay && !config.private) {
    throw new Refusal('UnableToReplayMessages', 'Replay is not allowed for public channels');
  }
  await channel.authorize();
  adopt(channel);
  channel.enter();
  try {
    const replayed = await replay(services, channel);
    const subscription = services.changes.subscribe(channel, config.postgres_changes);
    const subscribed = activate(channel, subscription.active);
    if (config.postgres_changes_options.wait && config.postgres_changes.length > 0) {
      await waitFor(subscription.active, config);
    }
    return {
      channel,
      response: { postgres_changes: subscription.bindings },
      afterReply: () => {
        channel.release(replayed);
        // The replication stream started before the first client could connect.
        if (config.broadcast.replication_ready) {
          channel.system('system', 'ok', 'Replication connection established');
        }
        subscribed();
      },
    };
  } catch (error) {
    channel.leave();
    throw error;
  }
}

/** Reports the outcome of a subscription, but never before the reply to the join. */
function activate(channel: Channel, active: Promise<boolean>): () => void {
  const { promise: replied, resolve } = Promise.withResolvers<void>();
  Promise.all([active, replied]).then(
    ([any]) => {
      if (any) channel.system('postgres_changes', 'ok', 'Subscribed to PostgreSQL');
    },
    (error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      replied.then(() => channel.system('postgres_changes', 'error', message));
    },
  );
  return resolve;
}

async function waitFor(active: Promise<boolean>, config: JoinConfig): Promise<void> {
  const asked = config.postgres_changes_options.timeout ?? 15_000;
  const timeout = Math.min(asked, limits.changesWaitMs);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const message = `Timed out after ${timeout}ms waiting for the postgres_changes subscription`;
      reject(new Refusal('PostgresChangesSubscribeTimeout', message));
    }, timeout);
  });
  try {
    await Promise.race([active, late]);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new Refusal('RealtimeDisabledForConfiguration', message);
  } finally {
    clearTimeout(timer);
  }
}

interface StoredMessage {
  id: string;
  event: string;
  payload: string | null;
  binary_payload: Buffer | null;
}

async function replay(
  services: Services,
  channel: Channel,
): Promise<{ id: string; frame: Frame }[]> {
  const wanted = channel.config.broadcast.replay;
  if (!wanted) return [];
  if (!channel.receives('broadcast')) {
    throw new Refusal(
      'Unauthorized',
      `You do not have permissions to read from this Channel topic: ${channel.name}`,
    );
  }
  const stored = await services.pool.query<StoredMessage>(
    `select id, event, payload::text as payload, binary_payload
     from realtime.messages
     where topic = $1 and private is true and extension = 'broadcast' and event is not null
       and inserted_at >= to_timestamp($2::double precision / 1000)::timestamp
     order by inserted_at desc
     limit $3`,
    [channel.name, wanted.since, Math.min(wanted.limit ?? 25, limits.replayMessages)],
  );
  return stored.rows.reverse().flatMap(({ id, event, payload, binary_payload }) => {
    const meta = { replayed: true, id };
    const broadcast = binary_payload
      ? ({ kind: 'binary', event, bytes: binary_payload, meta } as const)
      : jsonBroadcast(event, payload ?? 'null', meta);
    const frame = encodeBroadcast(channel.version, channel.topic, broadcast);
    return frame ? [{ id, frame }] : [];
  });
}
