// The sample world: the services that the seeded workflows call, on one port of this machine. `npm start` serves them,
// and so does the stack of the demo.

import { type Received, type Reply, serveHttp } from '../fakes/http.ts';
import { addressesAt, type WorldAddresses } from './addresses.ts';
import { answerBilling } from './billing.ts';
import { createCrm } from './crm.ts';
import { answerModel, MODEL_KEY } from './model.ts';
import { refusal } from './refusal.ts';
import { answerShop } from './shop.ts';

export interface WorldInfo extends WorldAddresses {
  model_url: string;
}

export interface WorldCall {
  service: string;
  /** With the path below the service. */
  request: Received;
  status: number;
}

export interface World {
  info: WorldInfo;
  /** The last calls, the oldest first. */
  calls: readonly WorldCall[];
  stop(): Promise<void>;
}

export interface WorldOptions {
  /** 0: any free port. */
  port?: number;
  /** How long the shop, the CRM, billing and the model take to answer: a person can watch a run. */
  latencyMs?: number;
}

const KEPT_CALLS = 200;
/** Between two words of a streamed answer, as a part of the latency. */
const PAUSES = 10;

export const worldInfo = (origin: string): WorldInfo => ({
  ...addressesAt(origin),
  model_url: `${origin}/model/v1`,
});

/** The variables that point the functions of a stack to the sample model. */
export const modelEnvironment = ({ model_url }: WorldInfo): Record<string, string> => ({
  OPENAI_BASE_URL: model_url,
  OPENAI_API_KEY: MODEL_KEY,
});

export async function startWorld({ port = 0, latencyMs = 0 }: WorldOptions = {}): Promise<World> {
  const calls: WorldCall[] = [];
  const services: Record<string, (request: Received) => Reply> = {
    shop: answerShop,
    crm: createCrm(),
    billing: answerBilling,
    model: (request) => answerModel(request, Math.round(latencyMs / PAUSES)),
  };
  const server = await serveHttp((request) => {
    const [, service = '', ...rest] = request.path.split('/');
    const answer = services[service];
    if (answer === undefined) {
      const names = Object.keys(services).join(', ');
      return refusal(404, 'not_found', `There is no ${request.path}; the services are ${names}`);
    }
    const inner = { ...request, path: `/${rest.join('/')}` };
    const reply = answer(inner);
    calls.push({ service, request: inner, status: reply.status ?? 200 });
    if (calls.length > KEPT_CALLS) calls.shift();
    return { delayMs: latencyMs, ...reply };
  }, port);
  return { info: worldInfo(server.url), calls, stop: () => server.stop() };
}
