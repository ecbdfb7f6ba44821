// The examples that ask a model, use an agent or call a component.

import { expect } from 'vitest';
import { waitFor } from '../../support/stack.ts';
import { blocks, read } from '../docs-pages.ts';
import {
  answers,
  b,
  fakes,
  lastCall,
  outside,
  published,
  ran,
  started,
  type Topic,
} from './support.ts';

export const models: Topic = {
  async 'guides/call-a-model: classify'() {
    const { run } = await ran('guides/call-a-model: classify', { text: 'Urgent: it is broken' });
    expect(run.output).toMatchObject({
      classify: { object: { urgent: true }, text: expect.any(String), usage: expect.any(Object) },
    });
    const { messages } = await fakes.model.calls.waitFor(({ model }) => model === 'gpt-4o-mini');
    expect(messages).toEqual([
      { role: 'system', content: 'You sort support tickets.' },
      { role: 'user', content: 'Urgent: it is broken' },
    ]);
  },

  async 'guides/prompts: sort'() {
    const [stored] = blocks(read('docs/guides/prompts.md'), 'ts');
    const prompt_content = /prompt_content: '(.*)'/.exec(stored ?? '')?.[1] ?? '';
    const prompt = {
      ...{ name: 'ticket-triage', version: '1.0.0', prompt_content },
      prompt_variables: {
        text: { type: 'string' },
        product: { type: 'string', default: 'the shop' },
      },
    };
    const { error } = await b.developer.from('agent_prompts').insert(prompt);
    expect(error).toBeNull();
    const name = await published('guides/prompts: sort');
    const change = b.developer.from('agent_prompts').update({ prompt_content: 'Changed' });
    expect((await change.eq('name', 'ticket-triage')).error).toBeNull();
    const { run } = await b.ended((await b.start(name, { text: 'It broke' })).id);
    expect(run.status).toBe('completed');
    const text = 'Sort this ticket of the shop as urgent or not: It broke';
    await fakes.model.calls.waitFor(({ messages }) => messages[0]?.content === text);
  },

  async 'guides/components: look_up'() {
    await b.db.query(
      "update stepbase.components set endpoint = $1 where app_code = 'acme' and name = 'crm-lookup'",
      [`${outside.url}/customers`],
    );
    const name = 'guides/components: look_up';
    const { run } = await ran(name, { email: 'ada@customer.example' });
    expect(run.output).toEqual({ look_up: { path: '/customers' } });
    expect(lastCall('/customers')).toMatchObject({
      method: 'POST',
      headers: { 'idempotency-key': `${run.id}:look_up:0` },
      body: { type: 'step.call', input: { email: 'ada@customer.example' } },
    });
    const unfit = await ran(name, { email: 'nobody' });
    expect(unfit.run.error).toMatchObject({ code: 'invalid_input' });
  },

  async 'guides/your-own-code: render'() {
    await b.db.query(
      `insert into stepbase.components (app_code, name, implementation_type, endpoint)
       values ('acme', 'render-invoice', 'service_task', $1)`,
      [`${outside.url}/render`],
    );
    answers('/render', { file: 'invoices/777.pdf' });
    const { run } = await ran('guides/your-own-code: render', { order: 777 });
    expect(run.output).toEqual({ render: { file: 'invoices/777.pdf' } });
    expect(lastCall('/render')).toMatchObject({
      body: { type: 'step.call', step: { id: 'render' }, input: { order: 777 } },
    });
  },

  async 'guides/components: triage'() {
    const { run } = await ran('guides/components: triage', { order: { id: 'A-1' } });
    expect(run).toMatchObject({ status: 'completed', output: { triage: {} } });
    const asked = await fakes.model.calls.waitFor(({ model }) => model === 'gpt-5-mini');
    expect(asked.messages).toEqual([
      { role: 'system', content: expect.stringContaining('You sort incoming orders') },
      { role: 'user', content: expect.stringContaining('A-1') },
    ]);
  },

  async 'guides/agents: answer'() {
    await b.db.query(
      "update stepbase.components set endpoint = $1 where app_code = 'acme' and name = 'crm-lookup'",
      [`${outside.url}/customers`],
    );
    const order = { note: 'Use crm-lookup and ask_for_address.' };
    const id = await started('guides/agents: answer', { order });
    const open = async (type: string) =>
      await waitFor(type, async () => {
        const { data } = await b.developer
          .from('step_runs')
          .select('id, task')
          .eq('run_id', id)
          .eq('step_type', type)
          .eq('status', 'waiting');
        return data?.[0];
      });
    const approval = await open('wait_for_approval');
    await b.admin.rpc('decide_approval', { step_run_id: approval.id, approved: true });
    const form = await open('user_task');
    expect(form.task).toMatchObject({
      title: 'Which address?',
      form: { required: ['street', 'city'] },
    });
    const address = { city: 'Berlin', street: 'Main Street 1' };
    await b.admin.rpc('complete_task', { step_run_id: form.id, output: address });
    const { run } = await b.ended(id);
    expect(run).toMatchObject({
      status: 'completed',
      output: { answer: { turns: 2, usage: expect.any(Object), cost: expect.any(Number) } },
    });
    expect(lastCall('/customers')).toMatchObject({
      headers: { 'idempotency-key': `${id}:answer:-2` },
      body: { type: 'step.call', input: { email: 'ada@customer.example' } },
    });
    const results = await fakes.model.calls.waitFor(
      ({ model, messages }) => model === 'gpt-5' && messages.at(-1)?.role === 'tool',
    );
    expect(results.messages.slice(-2).map(({ content }) => content)).toEqual([
      '{"path":"/customers"}',
      JSON.stringify(address),
    ]);
  },
};
