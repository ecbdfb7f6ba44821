// A mail server that accepts everything and keeps it parsed. It rejects bounce@… permanently and greylist@… once.

import { Buffer } from 'node:buffer';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer } from 'smtp-server';
import { Recorder } from './recorder.ts';

export interface Mail {
  /** From the envelope: the real recipients, including blind copies. */
  from: string;
  recipients: string[];
  message: Email;
}

export interface Mailbox {
  url: string;
  mails: Recorder<Mail>;
  stop(): Promise<void>;
}

const maxMail = 8 * 1024 * 1024;

class Refusal extends Error {
  readonly responseCode: number;
  constructor(responseCode: number, message: string) {
    super(message);
    this.responseCode = responseCode;
  }
}

export async function startMailbox(): Promise<Mailbox> {
  const mails = new Recorder<Mail>('mail');
  const greylisted = new Set<string>();
  const server = new SMTPServer({
    name: 'mail.fakes.example',
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    disableReverseLookup: true,
    logger: false,
    onRcptTo(address, _session, callback) {
      if (address.address.startsWith('bounce@')) {
        callback(new Refusal(550, 'no such mailbox'));
      } else if (address.address.startsWith('greylist@') && !greylisted.has(address.address)) {
        greylisted.add(address.address);
        callback(new Refusal(450, 'greylisted, try again'));
      } else {
        callback();
      }
    },
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      let size = 0;
      stream.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= maxMail) chunks.push(chunk);
      });
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        PostalMime.parse(Buffer.concat(chunks)).then((message) => {
          mails.add({
            from: mailFrom ? mailFrom.address : '',
            recipients: rcptTo.map((to) => to.address),
            message,
          });
          callback();
        }, callback);
      });
    },
  });
  // A client may disconnect at any time.
  server.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.server.address();
  if (address === null || typeof address === 'string')
    throw new Error('the mail server has no port');
  return {
    url: `smtp://127.0.0.1:${address.port}`,
    mails,
    stop: () => new Promise<void>((resolve) => server.close(resolve)),
  };
}
