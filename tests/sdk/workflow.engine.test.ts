// The engine publishes and runs what defineWorkflow compiles, and checks input by the JSON Schema of a zod schema.

import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineWorkflow, expr } from '../../sdk/src/workflow/index.ts';
import { type TestApp, testApp } from '../engine/support.ts';

describe('on the engine', () => {
  let b: TestApp;
  beforeAll(async () => {
    b = await testApp();
  });

  it('a compiled workflow is published and runs', async () => {
    const input = z.strictObject({
      order: z.uuid(),
      email: z.email(),
      at: z.iso.datetime(),
      site: z.url(),
      lines: z.array(z.object({ price: z.number(), quantity: z.int().min(1) })).min(1),
      tags: z.record(z.string(), z.enum(['new', 'paid'])).optional(),
    });
    const name = `t-${randomUUID()}`;
    const workflow = defineWorkflow(name, { input, name: 'Compiled' }, (w) => {
      const totals = w.forEach('totals', {
        items: w.input.lines,
        step: ({ item, step }) =>
          step.transform({ expression: expr`${item.price} * ${item.quantity}` }),
      });
      const sum = w.transform('sum', { expression: expr<number>`$sum(${totals.output})` });
      const large = w.condition('large', {
        expression: expr<'large' | 'small'>`${sum.output} > 10 ? 'large' : 'small'`,
      });
      large.match({
        large: (after) =>
          w.emitEvent(
            'announce',
            { name: 'order.large', payload: { order: w.input.order, sum: sum.output } },
            { after },
          ),
        small: (after) => w.transform('nothing', { expression: 'null' }, { after }),
      });
    });
    const saved = await b.developer
      .rpc('save_workflow', { ...workflow } as never)
      .single<{ id: string }>();
    expect(saved.error).toBeNull();
    const published = await b.developer.rpc('publish_workflow', {
      workflow_version_id: saved.data?.id,
    });
    expect(published.error).toBeNull();
    const order = randomUUID();
    const run = await b.start(name, {
      order,
      email: 'kim@customers.example',
      at: '2026-11-29T12:00:00Z',
      site: 'https://shop.example',
      lines: [
        { price: 4, quantity: 2 },
        { price: 5, quantity: 1 },
      ],
    });
    const ended = await b.ended(run.id);
    expect(ended.run.output).toEqual({
      announce: { name: 'order.large', payload: { order, sum: 13 } },
    });
    const refused = await b.developer.rpc('start_run', {
      workflow: name,
      input: { order, email: 'kim' },
    });
    expect(refused.error?.code).toBe('SB422');
  });
});
