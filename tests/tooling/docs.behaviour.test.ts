// Every definition in the guides does what its page states. Each runs unchanged, with the hosts that it names
// served on this machine. The tests move the clock, so they use a stack of their own, one after the other.
// `docs-behaviour/` has the checks by topic.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { value } from '../engine/support.ts';
import { waitFor } from '../support/stack.ts';
import { failures } from './docs-behaviour/failures.ts';
import { graphs } from './docs-behaviour/graphs.ts';
import { messages } from './docs-behaviour/messages.ts';
import { models } from './docs-behaviour/models.ts';
import { persons } from './docs-behaviour/persons.ts';
import {
  b,
  closeStack,
  openStack,
  publishedAs,
  sqlOf,
  type Topic,
} from './docs-behaviour/support.ts';
import { examples } from './docs-examples.ts';

beforeAll(openStack);
afterAll(closeStack);

const TRIED: Topic = { ...graphs, ...models, ...persons, ...messages, ...failures };

describe('the guides', () => {
  const guides = examples.filter(({ name }) => name.startsWith('guides/'));

  test('have a test for every example and no other', () => {
    expect(Object.keys(TRIED).sort()).toEqual(guides.map(({ name }) => name).sort());
  });

  test('guides/database-triggers: a paid order starts a run with the mapped input', async () => {
    await publishedAs('order-shipping', [value('shown', 'input')]);
    await b.db.query('create table public.orders (id int, status text, customer jsonb)');
    await b.db.query(sqlOf('guides/database-triggers')[0] ?? '');
    await b.db.query(`insert into public.orders values (1, 'open', '{"email": "ada@x.example"}')`);
    await b.db.query(`update public.orders set status = 'paid'`);
    const id = await waitFor('the run', async () => {
      const { rows } = await b.db.query<{ id: string }>(
        "select id from stepbase.runs where trigger_type = 'database'",
      );
      return rows[0]?.id;
    });
    expect((await b.ended(id)).run.output).toEqual({
      shown: { order_id: 1, email: 'ada@x.example', source: 'orders' },
    });
    const { rows } = await b.db.query(sqlOf('guides/database-triggers')[1]?.split(';')[0] ?? '');
    expect(rows).toMatchObject([{ name: 'orders_order-shipping', table_name: 'public.orders' }]);
  });

  test('guides/start-from-sql: the call starts one run for its key', async () => {
    await publishedAs('order-shipping', [value('shown', 'input')]);
    const [call = ''] = sqlOf('guides/start-from-sql');
    await b.db.query(call);
    await b.db.query(call);
    const { rows } = await b.db.query<{ id: string; trigger_type: string }>(
      "select id, trigger_type from stepbase.runs where idempotency_key = 'ship:o-1'",
    );
    expect(rows).toMatchObject([{ trigger_type: 'sql' }]);
    await b.ended(rows[0]?.id ?? '');
  });

  test.each(guides)('$name: the example does what the page states', async ({ name }) => {
    await TRIED[name]?.();
  });
});
