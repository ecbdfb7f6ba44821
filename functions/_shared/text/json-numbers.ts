// Numbers in JSON that a double cannot hold. A number is unsafe when the double it becomes is printed as another decimal
// value: 1.10 is safe, 7615917337495251231 and 1e400 are not. PostgreSQL keeps such a number. JavaScript receives its
// digits as a string, so parseJson stands for JSON.parse wherever JSON comes from outside of this process.

/** A decimal number: sign × digits × 10^exponent; digits has no zeros at its ends. */
export interface Decimal {
  sign: -1 | 0 | 1;
  digits: string;
  exponent: number;
}

const numberText = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The decimal value of a number as JSON or JavaScript writes it. */
export function decimalOf(text: string): Decimal {
  const [, minus = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const significant = (whole + fraction).replace(/^0+/, '');
  const digits = significant.replace(/0+$/, '');
  if (digits === '') return { sign: 0, digits, exponent: 0 };
  return {
    sign: minus === '' ? 1 : -1,
    digits,
    exponent: Number(exponent) - fraction.length + significant.length - digits.length,
  };
}

/** Below 0 when `one` is less than `other`, 0 when they are equal. */
export function compareDecimals(one: Decimal, other: Decimal): number {
  if (one.sign !== other.sign) return one.sign - other.sign;
  const places = one.digits.length + one.exponent - other.digits.length - other.exponent;
  if (places !== 0) return places * one.sign;
  // Of the same magnitude: the digits compare as text, from the first one on.
  if (one.digits === other.digits) return 0;
  return one.digits < other.digits ? -one.sign : one.sign;
}

/** Whether `value` is a whole number of times `of`. */
export function isMultiple(value: Decimal, of: Decimal): boolean {
  if (value.sign === 0) return true;
  if (of.sign === 0) return false;
  const zeros = value.exponent - of.exponent;
  // The last digit of the value is not 0, so no power of ten divides it.
  if (zeros < 0) return false;
  const divisor = BigInt(of.digits);
  return (BigInt(value.digits) * powerOfTen(zeros, divisor)) % divisor === 0n;
}

/** 10^exponent modulo the divisor. */
function powerOfTen(exponent: number, divisor: bigint): bigint {
  let result = 1n;
  let base = 10n;
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = (result * base) % divisor;
    base = (base * base) % divisor;
  }
  return result;
}

/** Whether the double of a number's text is printed as another decimal value. */
export function isUnsafeNumber(text: string): boolean {
  const value = Number(text);
  const printed = String(value);
  if (printed === text) return false;
  if (!Number.isFinite(value)) return true;
  return compareDecimals(decimalOf(text), decimalOf(printed)) !== 0;
}

/** With more digits, or more digits in its exponent, a text does not stand for a number in a schema. */
const LONGEST = 1_000;
const LONGEST_EXPONENT = /[eE][+-]?\d{5}/;

/** The number that a string stands for when it has the digits of an unsafe number; stepbase_private.exact_number. */
export function exactNumber(text: string): Decimal | undefined {
  if (text.length < 5 || text.length > LONGEST || !numberText.test(text)) return undefined;
  if (LONGEST_EXPONENT.test(text) || !isUnsafeNumber(text)) return undefined;
  return decimalOf(text);
}

/** As JSON.parse, but an unsafe number becomes the string of its digits. Throws SyntaxError. */
export function parseJson(text: string): unknown {
  const exact = writeUnsafeNumbers(text, (number) => `"${number}"`);
  // Quotes would make some texts JSON that are not: a number as a key, a number with leading zeros.
  if (exact !== text) JSON.parse(text);
  return JSON.parse(exact);
}

const QUOTE = 34;
const BACKSLASH = 92;

/**
 * JSON text with each unsafe number written in another way. It reads the text once without its strings; most texts have
 * no long number, so that there is nothing to copy.
 */
export function writeUnsafeNumbers(text: string, write: (number: string) => string): string {
  const parts: string[] = [];
  let copied = 0;
  let at = 0;
  while (at < text.length) {
    const start = at;
    const code = text.charCodeAt(at);
    at += 1;
    if (code === QUOTE) at = closingQuote(text, start) + 1;
    else if (isDigit(code) || code === MINUS) {
      at = numberEnd(text, at);
      if (at - start < SHORTEST) continue;
      const token = text.slice(start, at);
      if (!mayBeUnsafe(token) || !isUnsafeNumber(token)) continue;
      parts.push(text.slice(copied, start), write(token));
      copied = at;
    }
  }
  return copied === 0 ? text : parts.join('') + text.slice(copied);
}

/** 1e309, and 2e308. */
const SHORTEST = 5;
const MINUS = 45;

const isDigit = (code: number): boolean => code >= 48 && code <= 57;

/** Behind the digits, points, signs and exponent letters. */
function numberEnd(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const isPart = isDigit(code) || code === 46 || code === 101 || code === 69 || code === 43;
    if (!isPart && code !== MINUS) return at;
  }
  return at;
}

/** A number of at most 15 digits with an exponent of at most 2 digits is safe. */
function mayBeUnsafe(token: string): boolean {
  return token.length > 15 || /[eE][+-]?\d{3}/.test(token);
}

/** The end of the text if the string has no closing quote. */
function closingQuote(text: string, open: number): number {
  for (let at = text.indexOf('"', open + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let before = at - 1;
    while (text.charCodeAt(before) === BACKSLASH) before -= 1;
    if ((at - before) % 2 === 1) return at;
  }
  return text.length;
}

type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown;

/** TypeScript's library does not know them yet; both runtimes and current browsers do. */
const { parse, rawJSON } = JSON as unknown as {
  parse(text: string, reviver: Reviver): unknown;
  rawJSON: ((text: string) => unknown) | undefined;
};

/**
 * As JSON.parse, for values that are only handed on: JSON.stringify writes an unsafe number with the digits that it was
 * read with. In between it is an object without meaning. Throws SyntaxError. Recursive: the text must not nest deeply.
 * An old browser gets the strings of the digits.
 */
export function parseJsonToPassOn(text: string): unknown {
  if (rawJSON === undefined) return parseJson(text);
  let isExact = true;
  writeUnsafeNumbers(text, (number) => {
    isExact = false;
    return number;
  });
  if (isExact) return JSON.parse(text);
  return parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && isUnsafeNumber(source)
      ? rawJSON(source)
      : value,
  );
}
