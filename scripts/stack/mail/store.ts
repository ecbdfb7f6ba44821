// The caught mails, in memory: bounded in number and size, the newest first, parsed when one is read.

import { randomUUID } from 'node:crypto';
import PostalMime, { type Attachment } from 'postal-mime';

/** The limits of one mail and of all kept ones; the oldest mails go first. */
export const MAX_MESSAGE_BYTES = 10 * 1024 * 1024;
export const MAX_MESSAGES = 500;
export const MAX_STORED_BYTES = 64 * 1024 * 1024;
const MAX_LINKS = 50;

export interface MailSummary {
  id: string;
  received_at: string;
  /** Sender and recipients of the envelope: blind copies are included. */
  from: string;
  to: string[];
  subject: string;
  size: number;
}

export interface MailDetail extends MailSummary {
  message_id: string | undefined;
  text: string;
  /** Null: the mail has no HTML part. */
  html: string | null;
  /** The web addresses in the text and in the HTML part, each once. */
  links: string[];
  headers: Array<{ name: string; value: string }>;
  attachments: Array<{ index: number; filename: string; content_type: string; size: number }>;
}

export interface MailAttachment {
  filename: string;
  contentType: string;
  content: Uint8Array<ArrayBuffer>;
}

interface Stored extends MailSummary {
  raw: Uint8Array<ArrayBuffer>;
}

export class MailStore {
  readonly #now: () => Date;
  /** The oldest first. */
  #mails: Stored[] = [];
  #bytes = 0;

  constructor(now: () => Date = () => new Date()) {
    this.#now = now;
  }

  async add(
    envelope: { from: string; to: string[] },
    raw: Uint8Array<ArrayBuffer>,
  ): Promise<string> {
    const { subject } = await PostalMime.parse(raw);
    const mail: Stored = {
      id: randomUUID(),
      received_at: this.#now().toISOString(),
      from: envelope.from,
      to: envelope.to,
      subject: subject ?? '',
      size: raw.byteLength,
      raw,
    };
    this.#mails.push(mail);
    this.#bytes += mail.size;
    while (this.#mails.length > MAX_MESSAGES || this.#bytes > MAX_STORED_BYTES) {
      this.#bytes -= this.#mails.shift()?.size ?? 0;
    }
    return mail.id;
  }

  /** The mails to a recipient, or all, the newest first. `total` counts those beyond the limit too. */
  list({ to, limit = 50 }: { to?: string | undefined; limit?: number | undefined } = {}): {
    messages: MailSummary[];
    total: number;
  } {
    const found = this.#mails.filter((mail) => isTo(mail, to)).reverse();
    return { messages: found.slice(0, limit).map(summary), total: found.length };
  }

  async read(id: string): Promise<MailDetail | undefined> {
    const mail = this.#find(id);
    if (!mail) return undefined;
    const parsed = await PostalMime.parse(mail.raw);
    const text = parsed.text ?? '';
    const html = parsed.html ?? null;
    return {
      ...summary(mail),
      message_id: parsed.messageId,
      text,
      html,
      links: linksOf(text, html),
      headers: parsed.headers.map(({ key, value }) => ({ name: key, value })),
      attachments: parsed.attachments.map((attachment, index) => ({
        index,
        filename: attachment.filename ?? `attachment-${index + 1}`,
        content_type: attachment.mimeType,
        size: bytesOf(attachment).byteLength,
      })),
    };
  }

  async attachment(id: string, index: number): Promise<MailAttachment | undefined> {
    const mail = this.#find(id);
    const attachment = mail && (await PostalMime.parse(mail.raw)).attachments[index];
    if (!attachment) return undefined;
    return {
      filename: attachment.filename ?? `attachment-${index + 1}`,
      contentType: attachment.mimeType,
      content: bytesOf(attachment),
    };
  }

  /** The mail as it came over SMTP. */
  source(id: string): Uint8Array<ArrayBuffer> | undefined {
    return this.#find(id)?.raw;
  }

  delete(id: string): boolean {
    const before = this.#mails.length;
    this.#keep((mail) => mail.id !== id);
    return this.#mails.length < before;
  }

  /** Deletes the mails to a recipient, or all, and returns their number. */
  clear(to?: string): number {
    const before = this.#mails.length;
    this.#keep((mail) => !isTo(mail, to));
    return before - this.#mails.length;
  }

  #find(id: string): Stored | undefined {
    return this.#mails.find((mail) => mail.id === id);
  }

  #keep(isKept: (mail: Stored) => boolean): void {
    this.#mails = this.#mails.filter(isKept);
    this.#bytes = this.#mails.reduce((sum, mail) => sum + mail.size, 0);
  }
}

function summary({ raw: _raw, ...rest }: Stored): MailSummary {
  return rest;
}

function isTo(mail: Stored, to: string | undefined): boolean {
  if (to === undefined) return true;
  return mail.to.some((address) => address.toLowerCase() === to.toLowerCase());
}

function bytesOf({ content }: Attachment): Uint8Array<ArrayBuffer> {
  return typeof content === 'string' ? new TextEncoder().encode(content) : new Uint8Array(content);
}

function linksOf(text: string, html: string | null): string[] {
  const inText = text.match(/https?:\/\/[^\s<>"']+/g) ?? [];
  const inHtml = [...(html ?? '').matchAll(/\shref\s*=\s*(?:"([^"]+)"|'([^']+)')/gi)]
    .map((match) => (match[1] ?? match[2] ?? '').replaceAll('&amp;', '&'))
    .filter((address) => /^https?:\/\//i.test(address));
  // A full stop after an address ends the sentence.
  const found = [...inText.map((address) => address.replace(/[.,;:!?)]+$/, '')), ...inHtml];
  return [...new Set(found)].slice(0, MAX_LINKS);
}
