// Numbers that a double cannot hold would be rounded by the client library. They reach it as the strings of their digits.
import { writeUnsafeNumbers } from '../../../functions/_shared/text/json-numbers.ts';

/** A Response with one of these must not have a body. */
const WITHOUT_BODY = [204, 205, 304];

export const exactFetch: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  const { status, statusText, headers } = response;
  const isJson = /\bjson\b/.test(headers.get('content-type') ?? '');
  if (!isJson || WITHOUT_BODY.includes(status)) return response;
  const text = writeUnsafeNumbers(await response.text(), (number) => `"${number}"`);
  return new Response(text, { status, statusText, headers });
};
