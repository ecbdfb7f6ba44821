// The mails of Stepbase itself: every mail that is due gets one attempt and its outcome, and a failure stops nothing.

import { deepEqual, equal } from 'node:assert/strict';
import type { DueMail, MailOutcome } from '../engine/engine.ts';
import { StepError } from '../steps/errors.ts';
import { Mails } from './mails.ts';

const mail = (mail_id: string): DueMail => ({
  mail_id,
  app_code: 'acme',
  template: 'invitation',
  recipient: `${mail_id}@acme.example`,
  data: {},
  attempt: 1,
});

interface Setup {
  due: (DueMail[] | Error)[];
  send?: (mail: DueMail, signal: AbortSignal) => Promise<string>;
  acceptsWork?: () => boolean;
}

function setup({
  due,
  send = ({ mail_id }) => Promise.resolve(`<${mail_id}>`),
  acceptsWork = () => true,
}: Setup) {
  const recorded: [string, MailOutcome][] = [];
  const errors: string[] = [];
  let idle = 0;
  const mails = new Mails({
    engine: {
      takeMails() {
        const next = due.shift() ?? [];
        return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
      },
      recordMail({ mail_id }, outcome) {
        recorded.push([mail_id, outcome]);
        return Promise.resolve();
      },
    },
    mailer: { send },
    acceptsWork,
    onIdle: () => {
      idle += 1;
    },
    onError: (message) => errors.push(message),
  });
  return { mails, recorded, errors, idle: () => idle };
}

Deno.test('all mails that are due are sent, and their message ids are recorded', async () => {
  const { mails, recorded, idle } = setup({ due: [[mail('a'), mail('b')], [mail('c')]] });
  mails.start();
  mails.start();
  equal(mails.isBusy, true);
  await mails.settled();
  equal(mails.isBusy, false);
  equal(idle(), 1);
  deepEqual(recorded, [
    ['a', { messageId: '<a>' }],
    ['b', { messageId: '<b>' }],
    ['c', { messageId: '<c>' }],
  ]);
});

Deno.test('only an error that another attempt cannot overcome is final', async () => {
  const failures: Record<string, unknown> = {
    rejected: new StepError('email_rejected', 'no such mailbox'),
    grey: new StepError('email_rejected', 'later', { retryable: true }),
    unset: new StepError('email_not_configured', 'set SMTP_URL'),
    unknown: new Error('a fault'),
  };
  const { mails, recorded, errors } = setup({
    due: [Object.keys(failures).map(mail)],
    send: ({ mail_id }) => Promise.reject(failures[mail_id]),
  });
  mails.start();
  await mails.settled();
  deepEqual(Object.fromEntries(recorded), {
    rejected: { error: 'email_rejected: no such mailbox', isFinal: true },
    grey: { error: 'email_rejected: later', isFinal: false },
    unset: { error: 'email_not_configured: set SMTP_URL', isFinal: false },
    unknown: { error: 'Error: a fault', isFinal: false },
  });
  equal(errors.length, 4);
});

Deno.test('an error of the database ends the round without an exception', async () => {
  const { mails, recorded, errors } = setup({ due: [new Error('away'), [mail('a')]] });
  mails.start();
  await mails.settled();
  deepEqual(recorded, []);
  equal(errors.length, 1);
  mails.start();
  await mails.settled();
  equal(recorded.length, 1);
});

Deno.test('a worker that stops takes no further mail and aborts its attempts', async () => {
  const idle = setup({ due: [[mail('a')]], acceptsWork: () => false });
  idle.mails.start();
  await idle.mails.settled();
  deepEqual(idle.recorded, []);

  const started = Promise.withResolvers<void>();
  const { mails, recorded } = setup({
    due: [[mail('a')]],
    send: (_mail, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new StepError('cancelled', 'stopped')));
        started.resolve();
      }),
  });
  mails.start();
  await started.promise;
  mails.cancelAll();
  await mails.settled();
  deepEqual(recorded, [['a', { error: 'cancelled: stopped', isFinal: false }]]);
});
