// URLs with templates: the value of an expression is encoded for its place, so that data cannot become syntax. A
// template at the very beginning is the base URL and taken as written, as is `$raw(…)`.

import { ExpressionError } from './errors.ts';

export interface UrlPart {
  text: string;
  /** literal: written by the author. raw: a value that is taken as written. value: a value to encode. */
  kind: 'literal' | 'raw' | 'value';
}

const refuse = (message: string) => new ExpressionError('url_value_refused', message);

/** Throws ExpressionError if a value may not stand at its place. Messages do not contain values. */
export function buildUrl(parts: readonly UrlPart[]): string {
  let url = '';
  /** The places of encoded values. */
  const ranges: [number, number][] = [];
  for (const [at, part] of parts.entries()) {
    if (part.kind !== 'value') {
      url += part.text;
      continue;
    }
    const encoded = encode(part.text, url, parts.slice(at + 1));
    if (encoded !== '' && /%[0-9a-f]?$/i.test(url)) {
      throw refuse('an expression directly after % could change the meaning of the URL');
    }
    ranges.push([url.length, url.length + encoded.length]);
    url += encoded;
  }
  assertNoDotSegments(url, ranges);
  return url;
}

/** Encodes a value without checks, for a URL whose secrets are not known. */
export const encodeValue = (text: string): string => encodeURIComponent(text.toWellFormed());

function encode(value: string, before: string, after: readonly UrlPart[]): string {
  const place = placeAfter(before);
  if (place === 'scheme') {
    if (/^[a-z]*$/i.test(value)) return value;
    throw refuse('the value of an expression before the host must be letters only');
  }
  if (place !== 'authority' || isUserInfo(before, after)) return encodeValue(value);
  if (isHost(value)) return value;
  throw refuse('the value of an expression in the host must be a host name, an address, or a port');
}

type Place = 'scheme' | 'authority' | 'later';

/** Backslashes are slashes in http URLs. */
function placeAfter(before: string): Place {
  const found = /^[\s\0]*[a-z][a-z0-9+.-]*:[/\\]*/i.exec(before);
  if (found === null) return 'scheme';
  return /[/\\?#]/.test(before.slice(found[0].length)) ? 'later' : 'authority';
}

/** Whether the author's text ends the user information after this place: `https://{{ user }}@host`. */
function isUserInfo(before: string, after: readonly UrlPart[]): boolean {
  if (before.includes('@')) return false;
  for (const part of after) {
    if (part.kind === 'value') continue;
    const [authority = ''] = part.text.split(/[/\\?#]/, 1);
    if (authority.includes('@')) return true;
    if (authority.length < part.text.length) return false;
  }
  return false;
}

function isHost(value: string): boolean {
  return /^(?:[\p{L}\p{M}\p{Nd}._-]*|\[[0-9a-f:.]+\])(?::\d{1,5})?$/iu.test(value);
}

/** A segment of dots leaves its directory; URL parsers read %2e as a dot and skip tabs and line breaks. */
function assertNoDotSegments(url: string, ranges: readonly [number, number][]): void {
  const end = url.search(/[?#]/);
  const path = end === -1 ? url : url.slice(0, end);
  for (const { index, 0: segment } of path.matchAll(/[^/\\]+/g)) {
    if (!/^\.{1,2}$/.test(segment.replaceAll(/[\t\n\r]/g, '').replaceAll(/%2e/gi, '.'))) continue;
    const last = index + segment.length;
    if (ranges.some(([from, to]) => from < last && to > index)) {
      throw refuse('a segment of the path must not become . or ..');
    }
  }
}
