// An Edge Function that is the endpoint of a component: it verifies each call, and answers at once, later, twice, never, or
// after the run was cancelled, as its input asks. GET returns what it saw.
import { createHmac } from 'node:crypto';

interface Call {
  type: 'step.call';
  step: { step_run_id: string };
  attempt: number;
  deadline: string;
  input: { mode: string; order: string };
  callback: { url: string; token: string };
}

interface Cancelled {
  type: 'step.cancelled';
  data: { step_run_id: string };
}

/** The orders by the attempts that brought them. */
const accepts = new Map<string, string>();
/** By order: the answers to the function's own requests, in their order. */
const seen = new Map<string, unknown[]>();

function verify(headers: Headers, body: string): boolean {
  const secret = process.env.STEPBASE_COMPONENT_SECRET ?? '';
  const message = `${headers.get('webhook-id')}.${headers.get('webhook-timestamp')}.${body}`;
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const expected = `v1,${createHmac('sha256', key).update(message).digest('base64')}`;
  return headers.get('webhook-signature')?.split(' ').includes(expected) ?? false;
}

async function send({ callback, input }: Call, path: string, body: object): Promise<unknown> {
  const response = await fetch(`${callback.url}/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: callback.token, ...body }),
  });
  const { status } = response;
  const { cancelled, reason, code } = (await response.json()) as Record<string, unknown>;
  seen.get(input.order)?.push({ path, status, cancelled, reason, code });
  return cancelled;
}

const accepted = () => new Response(null, { status: 202 });

async function answer(call: Call): Promise<Response> {
  const { mode, order } = call.input;
  const output = { order, done: true };
  const complete = () => send(call, 'complete', { output });
  switch (mode) {
    case 'now':
      return Response.json(output);
    case 'before':
      await complete();
      return accepted();
    case 'twice':
      void complete()
        .then(complete)
        .then(() => send(call, 'fail', { code: 'late' }));
      return accepted();
    case 'fail':
      void send(call, 'fail', { code: 'no_stock', message: 'Sold out', retryable: true });
      return accepted();
    case 'wrong':
      void send(call, 'complete', { output: 'text' }).then(complete);
      return accepted();
    case 'until cancelled':
      void (async () => {
        while (!(await send(call, 'heartbeat', {}))) await new Promise((go) => setTimeout(go, 50));
        await complete();
      })();
      return accepted();
    case 'second attempt':
      // The first attempt is answered when the second one has come.
      if (call.attempt === 1) first.set(order, call);
      else {
        const earlier = first.get(order);
        if (earlier) await send(earlier, 'complete', { output: { order, late: true } });
        void complete();
      }
      return accepted();
    default:
      return accepted();
  }
}

const first = new Map<string, Call>();

export default {
  async fetch(request: Request): Promise<Response> {
    if (request.method === 'GET') {
      const order = new URL(request.url).searchParams.get('order') ?? '';
      return Response.json(seen.get(order) ?? []);
    }
    const body = await request.text();
    if (!verify(request.headers, body))
      return Response.json({ error: 'signature' }, { status: 401 });
    const call = JSON.parse(body) as Call | Cancelled;
    if (call.type === 'step.cancelled') {
      seen.get(accepts.get(call.data.step_run_id) ?? '')?.push({ path: 'step.cancelled' });
      return new Response(null, { status: 204 });
    }
    accepts.set(call.step.step_run_id, call.input.order);
    if (!seen.has(call.input.order)) seen.set(call.input.order, []);
    return await answer(call);
  },
};
