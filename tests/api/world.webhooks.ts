// What operations of webhooks need to succeed: a webhook, and a call that its sender signed.
import { createHmac, randomUUID } from 'node:crypto';
import type { Preparations, Values, World } from './world.ts';

export function prepareWebhooks(world: World, workflow: string): Preparations {
  /** A webhook, and a call that is signed with its secret. */
  const signedCall = async () => {
    const made = await world.made('POST', '/v1/webhooks', { workflow });
    const id = randomUUID();
    const timestamp = String(Math.floor(Date.now() / 1000));
    const key = Buffer.from(String(made.secret).replace('whsec_', ''), 'base64');
    const signature = createHmac('sha256', key).update(`${id}.${timestamp}.`).digest('base64');
    const headers = {
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    };
    return { path: String(made.path), prepared: { params: { trigger_id: made.id }, headers } };
  };

  return {
    callWebhook: async () => (await signedCall()).prepared,
    listWebhookCalls: async () => {
      const { id } = await world.made('POST', '/v1/webhooks', { workflow });
      return { params: { trigger_id: id } };
    },
    replayWebhookCall: async () => {
      const { path, prepared } = await signedCall();
      const { status } = await world.send('POST', path, undefined, prepared.headers);
      if (status >= 300) throw new Error(`the webhook answered ${status}`);
      const { body } = await world.send('GET', `/v1/webhooks/${path.split('/').at(-1)}/calls`);
      const [made] = body.items as Values[];
      return { params: { call_id: made?.id }, body: {} };
    },
  };
}
