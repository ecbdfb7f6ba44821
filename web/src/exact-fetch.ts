// Numbers that a double cannot hold would be rounded by the client library. They reach it as the strings of their digits.
import { writeUnsafeNumbers } from '../../functions/_shared/text/json-numbers.ts';

export const exactFetch: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  const { status, statusText, headers } = response;
  if (response.body === null || !/\bjson\b/.test(headers.get('content-type') ?? ''))
    return response;
  const text = writeUnsafeNumbers(await response.text(), (number) => `"${number}"`);
  return new Response(text, { status, statusText, headers });
};
