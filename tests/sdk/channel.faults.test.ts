// A shared channel reaches each of its listeners, also those whose methods use `this`, and those beside one that throws.

import { expect, onTestFinished, test, vi } from 'vitest';
import { type ChannelListener, joinChannel, type SupabaseLike } from '../../sdk/src/live/index.ts';

class Recorder implements ChannelListener {
  readonly seen: string[] = [];
  onMessage(event: string): void {
    this.seen.push(event);
  }
  onJoined(): void {
    this.seen.push('joined');
  }
  onLost(error: Error | undefined): void {
    this.seen.push(`lost: ${error?.message}`);
  }
}

test('a listener is called as a method, and its error keeps nothing from the others', async () => {
  const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  onTestFinished(() => logged.mockRestore());
  const subscribed = Promise.withResolvers<(status: string, error?: Error) => void>();
  let send = (_message: { event: string; payload?: unknown }): void => undefined;
  const channel = {
    on: (_type: string, _filter: object, callback: typeof send) => {
      send = callback;
      return channel;
    },
    subscribe: subscribed.resolve,
  };
  const client: SupabaseLike = {
    schema: () => undefined,
    channel: () => channel,
    removeChannel: () => Promise.resolve('ok'),
    realtime: { setAuth: () => Promise.resolve() },
    auth: {},
  };
  const fail = () => {
    throw new Error('of a listener');
  };
  const leaveBroken = joinChannel(client, 't', { onMessage: fail, onJoined: fail, onLost: fail });
  const recorder = new Recorder();
  const leave = joinChannel(client, 't', recorder);
  const status = await subscribed.promise;
  status('SUBSCRIBED');
  send({ event: 'run' });
  status('CHANNEL_ERROR', new Error('cut'));
  expect(recorder.seen).toEqual(['joined', 'run', 'lost: cut']);
  expect(logged).toHaveBeenCalledTimes(3);
  leaveBroken();
  leave();
});
