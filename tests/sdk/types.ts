// What must compile against the types of the SDK, and what must not. `npm run check` compiles it against the sources,
// and packed.test.ts against the packed types.

import { createClient } from '@supabase/supabase-js';
import {
  createStepbase,
  type ErrorCode,
  type Run,
  type RunEvent,
  StepbaseError,
} from '../../sdk/src/index.ts';
import { handler, type StandardSchema, serve } from '../../sdk/src/serve/index.ts';

/** As zod and other libraries implement it. */
declare const order: StandardSchema<unknown, { id: number }>;

export function served(): (request: Request) => Promise<Response> {
  const sends = handler({
    input: order,
    output: order,
    later: 5_000,
    run: async ({ id }, ctx) => {
      const key: string = ctx.idempotencyKey;
      use<unknown>(key);
      // @ts-expect-error the context has no such member
      use(ctx.idempotency_key);
      return { id };
    },
  });
  // @ts-expect-error the output has an id
  handler({ output: order, run: async () => ({ number: 1 }) });
  // @ts-expect-error the id is a number
  handler({ input: order, run: async ({ id }) => id.toUpperCase() });
  // @ts-expect-error calls are not served without a secret
  serve({ sends }, {});
  return serve({ sends, plain: async (input: { n: number }) => input.n }, { secret: ['whsec_x'] });
}

interface Workflows {
  'order-shipping': {
    input: { order_id: number; express?: boolean };
    output: { label: { url: string } };
    signals: { paid: { amount: number } };
    queries: { total: number };
  };
  nightly: { input: { day?: string } };
}

interface Database {
  public: {
    Tables: Record<never, never>;
    Views: Record<never, never>;
    Functions: Record<never, never>;
  };
}

export async function typed(): Promise<void> {
  const stepbase = createStepbase<Workflows>({ url: 'https://x.supabase.co', apiKey: 'sbk_x' });
  const run = await stepbase.start('order-shipping', { order_id: 777 }, { tags: ['vip'] });
  const output: { label: { url: string } } = await run.result({ timeoutMs: 1_000 });
  const total: number = await run.query('total');
  await run.signal('paid', { amount: 7 });
  await run.query('status');
  await stepbase.start('nightly');
  await stepbase.run<'order-shipping'>(run.id).signal('paid', { amount: 1 });
  await stepbase.startMany('order-shipping', [{ input: { order_id: 1 }, idempotencyKey: 'one' }]);
  await stepbase.schedules.create('nightly', { cron: '0 7 * * *', input: { day: 'monday' } });
  for await (const event of run.watch({ after: 2 })) use<RunEvent>(event);
  use<unknown>(output.label.url, total);

  // @ts-expect-error no such workflow
  await stepbase.start('order-shiping', { order_id: 777 });
  // @ts-expect-error the input is missing
  await stepbase.start('order-shipping');
  // @ts-expect-error the order id is a number
  await stepbase.start('order-shipping', { order_id: '777' });
  // @ts-expect-error no such member
  await stepbase.start('order-shipping', { order_id: 777, colour: 'red' });
  // @ts-expect-error no such option
  await stepbase.start('order-shipping', { order_id: 777 }, { idempotency_key: 'x' });
  // @ts-expect-error the item has no order id
  await stepbase.startMany('order-shipping', [{ input: {} }]);
  // @ts-expect-error no such signal
  await run.signal('payed', { amount: 7 });
  // @ts-expect-error the amount is a number
  await run.signal('paid', { amount: 'seven' });
  // @ts-expect-error no such query
  await run.query('sum');
  // @ts-expect-error no such output
  use(output.receipt);
  // @ts-expect-error the day is a text
  await stepbase.schedules.create('nightly', { cron: '0 7 * * *', input: { day: 1 } });
  // @ts-expect-error a schedule has a cron expression
  await stepbase.schedules.create('nightly', {});
  // @ts-expect-error a decision is about a boolean
  await stepbase.tasks.decide(run.id, { approved: 'yes' });
  // @ts-expect-error an API key needs an address
  createStepbase({ apiKey: 'sbk_x' });
  // @ts-expect-error not a client
  createStepbase({ from: () => undefined });
}

export async function untyped(): Promise<void> {
  // Each client of supabase-js fits: with the types of another schema, with another default schema, without types.
  createStepbase(createClient<Database>('https://x.supabase.co', 'key'));
  createStepbase(createClient('https://x.supabase.co', 'key', { db: { schema: 'stepbase' } }));
  const stepbase = createStepbase(createClient('https://x.supabase.co', 'key'));
  const run = await stepbase.start('each-name', { each: 'input' });
  use<Run>(await run.ended());
  await stepbase.start('each-name');
  await run.signal('each', 'payload');
  // @ts-expect-error an input is an object
  await stepbase.start('each-name', 7);
}

export function errors(error: unknown): ErrorCode | undefined {
  if (!(error instanceof StepbaseError)) return undefined;
  if (error.code === 'conflict') return error.code;
  // @ts-expect-error no such code
  if (error.code === 'conflicts') return undefined;
  return undefined;
}

function use<T = unknown>(..._values: T[]): void {}
