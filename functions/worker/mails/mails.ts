// Sends the mails that SQL has queued, beside the work for runs. The database repeats failed attempts; here each attempt
// gets its outcome.

import type { DueMail, Engine, MailOutcome } from '../engine/engine.ts';
import { SingleJob } from '../single-job.ts';
import { StepError } from '../steps/errors.ts';
import type { Mailer } from './mailer.ts';

/** Not retryable for a step. A mail can wait for an operator, who sets the mail server, or for another worker. */
const REPEATED = new Set(['email_not_configured', 'email_login_refused', 'cancelled']);

export interface MailsOptions {
  engine: Pick<Engine, 'takeMails' | 'recordMail'>;
  mailer: Mailer;
  acceptsWork(): boolean;
  onIdle(): void;
  onError(message: string, error: unknown): void;
}

export class Mails {
  readonly #options: MailsOptions;
  readonly #job: SingleJob;
  #stop = new AbortController();

  constructor(options: MailsOptions) {
    this.#options = options;
    this.#job = new SingleJob(() => this.#run(), options.onIdle);
  }

  get isBusy(): boolean {
    return this.#job.isBusy;
  }

  /** Aborts the attempts under way; the database repeats them. */
  cancelAll(): void {
    this.#stop.abort();
  }

  settled(): Promise<void> {
    return this.#job.settled();
  }

  /** Sends until no mail is due. After an error the next look at the timers starts it again. */
  start(): void {
    this.#job.start();
  }

  async #run(): Promise<void> {
    const { acceptsWork, engine, onError } = this.#options;
    this.#stop = new AbortController();
    try {
      while (acceptsWork()) {
        const due = await engine.takeMails();
        if (due.length === 0) return;
        await Promise.all(due.map(async (mail) => engine.recordMail(mail, await this.#send(mail))));
      }
    } catch (error) {
      onError('the mails could not be sent; they are repeated', error);
    }
  }

  async #send(mail: DueMail): Promise<MailOutcome> {
    try {
      return { messageId: await this.#options.mailer.send(mail, this.#stop.signal) };
    } catch (error) {
      const { mail_id, attempt } = mail;
      this.#options.onError(`attempt ${attempt} to send the mail ${mail_id} failed`, error);
      if (!(error instanceof StepError)) return { error: String(error), isFinal: false };
      const { code, message, retryable } = error;
      const isFinal = !retryable && !REPEATED.has(code);
      return { error: `${code}: ${message}`, isFinal };
    }
  }
}
