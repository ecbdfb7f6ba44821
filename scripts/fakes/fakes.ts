// The outside services of the demo and the tests, as real servers on loopback: a shop's JSON API, a mail server,
// a model endpoint and a webhook receiver, each on a free port.

import { type Mailbox, startMailbox } from './mailbox.ts';
import { type Model, startModel } from './model.ts';
import { type Shop, startShop } from './shop.ts';
import { startWebhookReceiver, type WebhookReceiver } from './webhooks.ts';

export interface Fakes {
  shop: Shop;
  mailbox: Mailbox;
  model: Model;
  webhooks: WebhookReceiver;
  /** Environment variables that point a stack's functions to these services. */
  env: Record<string, string>;
  stop(): Promise<void>;
}

export interface FakesOptions {
  /** How long the shop and the model take to answer. */
  latencyMs?: number;
  /** Each answer of the shop waits until it resolves. */
  hold?: () => Promise<void>;
}

export async function startFakes(options: FakesOptions = {}): Promise<Fakes> {
  const started: { stop(): Promise<void> }[] = [];
  const keep = async <T extends { stop(): Promise<void> }>(service: Promise<T>): Promise<T> => {
    const running = await service;
    started.push(running);
    return running;
  };
  const stop = async (): Promise<void> => {
    await Promise.all(started.splice(0).map((service) => service.stop()));
  };
  try {
    const shop = await keep(startShop(options.latencyMs, options.hold));
    const mailbox = await keep(startMailbox());
    const model = await keep(startModel(options.latencyMs));
    const webhooks = await keep(startWebhookReceiver());
    const env = {
      OPENAI_BASE_URL: model.url,
      OPENAI_API_KEY: model.apiKey,
      SMTP_URL: mailbox.url,
      SMTP_FROM: 'Stepbase <workflows@stepbase.example>',
      STEPBASE_ALLOW_PRIVATE_NETWORK: 'true',
    };
    return { shop, mailbox, model, webhooks, env, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

export type { Received } from './http.ts';
export type { Mail } from './mailbox.ts';
export type { ChatCall } from './model.ts';
