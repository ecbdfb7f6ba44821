// Masking: replaces secrets in results and errors, as they are and in the encodings that servers and libraries use.

export type Mask = <T>(value: T) => T;

/** Shorter texts are not masked, because they also occur in ordinary text. */
const SHORTEST_MASKED = 4;
/** A cut text may end within a secret: a prefix of this length at its end is masked too. */
const SHORTEST_CUT = 8;

export function createMask(secrets: readonly string[]): Mask {
  const forms = maskForms(secrets);
  return (value) => (forms.length === 0 ? value : (mask(value, forms) as typeof value));
}

/** What is masked. Longest first: one form may contain another. */
export function maskForms(secrets: readonly string[]): string[] {
  return [...new Set(secrets.flatMap(formsOf))]
    .filter((form) => form.length >= SHORTEST_MASKED)
    .sort((a, b) => b.length - a.length);
}

/** A secret in every form in which it is masked. */
function formsOf(secret: string): string[] {
  const bytes = new TextEncoder().encode(secret);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const json = JSON.stringify(secret).slice(1, -1);
  const base64 = base64Forms(bytes);
  return [
    secret,
    ...urlForms(secret),
    json,
    json.replaceAll('/', '\\/'),
    ...asciiForms(json),
    ...base64,
    ...base64.map((form) => form.replaceAll('+', '-').replaceAll('/', '_')),
    hex,
    hex.toUpperCase(),
  ];
}

/** encodeURIComponent, RFC 3986 and application/x-www-form-urlencoded, with either case of the hexadecimal digits. */
function urlForms(secret: string): string[] {
  const component = encodeURIComponent(secret.toWellFormed());
  const strict = component.replaceAll(/[!'()*]/g, percentEncoded);
  const form = new URLSearchParams({ '': secret }).toString().slice(1);
  const forms = [component, strict, form];
  return [...forms, ...forms.map((text) => text.replaceAll(/%[0-9A-F]{2}/g, lowerCase))];
}

const percentEncoded = (char: string) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
const lowerCase = (text: string) => text.toLowerCase();

/** JSON whose encoder writes every character beyond ASCII as an escape. */
function asciiForms(json: string): string[] {
  const escaped = (upper: boolean) =>
    json.replaceAll(/[^\x20-\x7e]/g, (char) => {
      const code = char.charCodeAt(0).toString(16).padStart(4, '0');
      return `\\u${upper ? code.toUpperCase() : code}`;
    });
  return [escaped(false), escaped(true)];
}

/**
 * The base64 of a text that contains the secret, for the three places at which the secret can begin in a group of
 * three bytes: the characters that depend on the secret alone.
 */
function base64Forms(bytes: Uint8Array): string[] {
  return [0, 1, 2].map((before) => {
    const padded = new Uint8Array(before + bytes.length);
    padded.set(bytes, before);
    let text = '';
    for (const byte of padded) text += String.fromCharCode(byte);
    const first = Math.ceil((before * 8) / 6);
    const end = Math.floor((padded.length * 8) / 6);
    return btoa(text).slice(first, end);
  });
}

function mask(value: unknown, forms: readonly string[]): unknown {
  if (typeof value === 'string') {
    const whole = forms.reduce((text, form) => text.replaceAll(form, '***'), value);
    return forms.reduce(maskCut, whole);
  }
  if (Array.isArray(value)) return value.map((item) => mask(item, forms));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [mask(key, forms) as string, mask(item, forms)]),
  );
}

/** Masks the beginning of a secret at the end of a text. */
function maskCut(text: string, form: string): string {
  const mark = text.endsWith('…') ? '…' : '';
  const end = text.length - mark.length;
  const head = form.slice(0, SHORTEST_CUT);
  let at = text.indexOf(head, Math.max(0, end - form.length + 1));
  while (at !== -1 && at + SHORTEST_CUT <= end) {
    if (form.startsWith(text.slice(at, end))) return `${text.slice(0, at)}***${mark}`;
    at = text.indexOf(head, at + 1);
  }
  return text;
}
