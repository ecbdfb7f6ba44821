// The mail of a step arrives in the catcher, with the stack's sender and no other setting.

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { mailTo } from '../support/mail.ts';
import { signedIn } from '../support/stack.ts';

test('a workflow asks for an approval by mail', async () => {
  const mark = randomUUID().slice(0, 8);
  const workflow = `mail-x${mark}`;
  const email = `approver-${mark}@acme.example`;
  const person = await signedIn('developer@acme');
  const saved = await person.rpc('save_workflow', {
    kebab_name: workflow,
    definition: {
      nodes: [
        {
          id: 'mail',
          type: 'send_email',
          data: {
            config: {
              to: '{{ input.to }}',
              subject: 'Approve order {{ input.order }}',
              text: 'Open https://shop.example/orders/{{ input.order }}.',
            },
          },
        },
      ],
      edges: [],
    },
  });
  expect(saved.error).toBeNull();
  await person.rpc('publish_workflow', { workflow_version_id: saved.data?.id ?? '' });
  const started = await person.rpc('start_run', { workflow, input: { to: email, order: 7 } });
  expect(started.error).toBeNull();
  const mail = await mailTo(email, /^Approve order 7$/);
  expect(mail.from).toBe('stepbase@localhost');
  expect(mail.links).toEqual(['https://shop.example/orders/7']);
});
