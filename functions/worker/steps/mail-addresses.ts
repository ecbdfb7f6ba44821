// Addresses of a mail, parsed by the library that sends it: names may contain commas, and groups have members.

// @ts-types='npm:@types/nodemailer/lib/addressparser'
import addressparser from 'nodemailer/lib/addressparser';
import { StepError } from './errors.ts';

export interface Mailbox {
  name: string;
  address: string;
}

/** The mailboxes of one or several texts; null is left out. `key` names the config key in errors. */
export function mailboxesOf(
  value: string | readonly (string | null)[] | null | undefined,
  key: string,
): Mailbox[] {
  const texts = typeof value === 'string' ? [value] : (value ?? []);
  return texts.filter((text) => text !== null).flatMap((text) => parse(text, key));
}

/** Exactly one mailbox. */
export function mailboxOf(value: string, key: string): Mailbox {
  const [only, ...others] = mailboxesOf(value, key);
  if (only !== undefined && others.length === 0) return only;
  throw invalid(key, 'must be one e-mail address');
}

function parse(text: string, key: string): Mailbox[] {
  if (/[\r\n\0]/.test(text)) throw invalid(key, 'must not contain line breaks');
  const found = addressparser(text, { flatten: true });
  for (const { address } of found) {
    if (!/^(?:[^\s@<>(),;:"\\[\]]+|"(?:[^"\\]|\\.)+")@[^\s@<>(),;:"\\]+$/.test(address)) {
      throw invalid(key, `${JSON.stringify(text)} is not a list of e-mail addresses`);
    }
  }
  if (found.length === 0) throw invalid(key, 'has no e-mail address');
  return found.map(({ name, address }) => ({ name, address }));
}

const invalid = (key: string, problem: string): StepError => {
  const details = [{ path: key, message: problem }];
  return new StepError('invalid_config', `${key}: ${problem}`, { details });
};

/** As a header field; a name with other than plain characters is quoted. */
export function written({ name, address }: Mailbox): string {
  if (name === '') return address;
  const plain = /^[\w !#$%&'*+/=?^`{|}~\u0080-\u{10ffff}-]+$/u.test(name);
  return `${plain ? name : `"${name.replaceAll(/["\\]/g, '\\$&')}"`} <${address}>`;
}
