// A webhook receiver: records every delivery, and can reject the next few.

import { type HttpServer, type Received, serveHttp } from './http.ts';
import { Recorder } from './recorder.ts';

export interface WebhookReceiver extends HttpServer {
  deliveries: Recorder<Received>;
  /** The next `count` deliveries are recorded and answered with `status`. */
  refuseNext(count: number, status?: number): void;
}

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const deliveries = new Recorder<Received>('webhook delivery');
  let refuse = 0;
  let refusal = 503;
  const server = await serveHttp((request) => {
    deliveries.add(request);
    if (refuse > 0) {
      refuse -= 1;
      return { status: refusal, body: { error: 'refused' } };
    }
    return { body: { received: true } };
  });
  return {
    ...server,
    deliveries,
    refuseNext(count, status = 503) {
      refuse = count;
      refusal = status;
    },
  };
}
