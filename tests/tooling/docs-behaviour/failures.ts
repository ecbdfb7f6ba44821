// The examples of waits, retries, failures and compensation.

import { expect } from 'vitest';
import { failing } from '../../engine/support.ts';
import { waitFor } from '../../support/stack.ts';
import {
  answers,
  b,
  fakes,
  lastCall,
  published,
  ran,
  refuses,
  started,
  type Topic,
} from './support.ts';

export const failures: Topic = {
  async 'guides/wait-for-a-time: cool_down'() {
    const name = await published('guides/wait-for-a-time: cool_down');
    await b.db.query(
      'update stepbase.workflows set execution_timeout_seconds = 604800 where kebab_name = $1',
      [name],
    );
    const { id } = await b.start(name);
    await b.stepIs(id, 'cool_down', 'waiting');
    await b.advance('59 minutes');
    await b.stepIs(id, 'cool_down', 'waiting');
    await b.advance('2 minutes');
    expect((await b.ended(id)).run.status).toBe('completed');
  },

  async 'guides/handle-failures: charge'() {
    answers('/charges', { receipt: 'r-1' });
    const input = { amount: 7, email: 'alan@customer.example' };
    expect((await ran('guides/handle-failures: charge', input)).run.output).toEqual({
      receipt: 'r-1',
    });
    refuses('/charges', 402);
    const { statuses } = await ran('guides/handle-failures: charge', input);
    expect(statuses).toEqual({
      charge: 'failed',
      receipt: 'skipped',
      apologise: 'completed',
      look: 'skipped',
    });
    const mail = await fakes.mailbox.mails.waitFor(({ recipients }) =>
      recipients.includes('alan@customer.example'),
    );
    expect(mail.message.text).toContain('answered 402');
  },

  async 'guides/retries-and-timeouts: book'() {
    refuses('/slots/7', 404, 409);
    const id = await started('guides/retries-and-timeouts: book', { slot: 7 });
    for (const attempt of [2, 3]) {
      await waitFor(`attempt ${attempt} waits`, async () => {
        const { rows } = await b.db.query(
          "select from stepbase.step_runs where run_id = $1 and attempt = $2 and status = 'waiting'",
          [id, attempt],
        );
        return rows.length === 1;
      });
      await b.advance('1 minute');
    }
    const { run, all } = await b.ended(id);
    expect(run.status).toBe('completed');
    expect(all.map(({ status }) => status)).toEqual(['failed', 'failed', 'completed']);
    refuses('/slots/8', 429);
    const limited = await ran('guides/retries-and-timeouts: book', { slot: 8 });
    expect(limited.run.error).toMatchObject({ code: 'http_rate_limited' });
    expect(limited.all).toHaveLength(1);
  },

  async 'guides/compensation: book'() {
    answers('/bookings', { id: 'b-7' });
    const { run, all } = await ran(
      'guides/compensation: book',
      { trip: 'Rome' },
      { nodes: [failing('pay')], lines: ['book > pay'] },
    );
    expect(run).toMatchObject({ status: 'failed', error: { step_id: 'pay' } });
    expect(lastCall('/bookings/b-7')).toMatchObject({ method: 'DELETE' });
    expect(all.find(({ item_index }) => item_index === -1)).toMatchObject({
      step_id: 'book',
      status: 'completed',
    });
  },
};
