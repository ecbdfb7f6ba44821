// The SMTP server of the catcher: accepts every mail on loopback and puts it into the store.

import { Buffer } from 'node:buffer';
import { SMTPServer } from 'smtp-server';
import { MAX_MESSAGE_BYTES, type MailStore } from './store.ts';

const MAX_CLIENTS = 50;
const MAX_RECIPIENTS = 100;
const IDLE_MS = 60_000;

/** An SMTP reply that refuses a command. */
class Refusal extends Error {
  readonly responseCode: number;
  constructor(responseCode: number, message: string) {
    super(message);
    this.responseCode = responseCode;
  }
}

export async function startSmtp(
  port: number,
  store: MailStore,
  onError: (message: string) => void,
): Promise<{ port: number; stop(): Promise<void> }> {
  const server = new SMTPServer({
    name: 'stepbase',
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    disableReverseLookup: true,
    logger: false,
    size: MAX_MESSAGE_BYTES,
    maxClients: MAX_CLIENTS,
    socketTimeout: IDLE_MS,
    onRcptTo(_address, session, callback) {
      if (session.envelope.rcptTo.length < MAX_RECIPIENTS) callback();
      else callback(new Refusal(452, `a mail may have ${MAX_RECIPIENTS} recipients`));
    },
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      let size = 0;
      stream.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= MAX_MESSAGE_BYTES) chunks.push(chunk);
      });
      stream.on('end', () => {
        if (size > MAX_MESSAGE_BYTES) {
          callback(new Refusal(552, `a mail may have ${MAX_MESSAGE_BYTES} bytes`));
          return;
        }
        const { mailFrom, rcptTo } = session.envelope;
        const envelope = {
          from: mailFrom ? mailFrom.address : '',
          to: rcptTo.map(({ address }) => address),
        };
        store.add(envelope, new Uint8Array(Buffer.concat(chunks))).then(
          () => callback(),
          (error: unknown) => {
            onError(`mail: a message could not be parsed: ${String(error)}`);
            callback(new Refusal(554, 'the message could not be parsed'));
          },
        );
      });
    },
  });
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  // A client may disconnect at any time.
  server.on('error', () => undefined);
  const address = server.server.address();
  if (address === null || typeof address === 'string')
    throw new Error('the mail server has no port');
  return {
    port: address.port,
    stop: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
