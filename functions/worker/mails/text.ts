// Parts of the mails of Stepbase itself.

export interface MailText {
  subject: string;
  text: string;
  html: string;
}

const MAX_NAME = 80;

/** Members choose the names: they must not break the header or make up a line of the text. */
export const name = (value: string, most = MAX_NAME): string =>
  value.replace(/\s+/g, ' ').trim().slice(0, most);

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
export const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? '');

/** The time as `2026-01-31 10:20 UTC`. */
export const utc = (time: string): string =>
  `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
