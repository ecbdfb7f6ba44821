// What commands read: standard input, a hidden answer, and JSON of an option.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { Context, Input } from './context.ts';
import { usage } from './errors.ts';
import type { Output } from './output.ts';

export async function readAll(stdin: Input): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stdin) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString('utf8');
}

/** Asks on the terminal; the answer is not shown. */
export async function ask(question: string, out: Output): Promise<string> {
  const hidden = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: hidden, terminal: true });
  const cancelled = new AbortController();
  reader.once('SIGINT', () => cancelled.abort());
  process.stderr.write(question);
  try {
    return await reader.question('', { signal: cancelled.signal });
  } catch (error) {
    throw cancelled.signal.aborted ? usage('cancelled', 'Nothing was entered') : error;
  } finally {
    reader.close();
    out.note('');
  }
}

/** Asks a question that is answered with y or n; anything but y is a no. */
export async function confirm(question: string, out: Output): Promise<boolean> {
  out.clearProgress();
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  const cancelled = new AbortController();
  reader.once('SIGINT', () => cancelled.abort());
  try {
    return /^y(?:es)?$/i.test(
      (await reader.question(question, { signal: cancelled.signal })).trim(),
    );
  } catch (error) {
    if (cancelled.signal.aborted) return false;
    throw error;
  } finally {
    reader.close();
  }
}

/** The value of an option: JSON, `@file` with JSON, or `-` for JSON from standard input. */
export async function readJsonOption(
  context: Context,
  name: string,
  text: string | undefined,
): Promise<unknown> {
  if (text === undefined) return undefined;
  const source =
    text === '-'
      ? await readAll(context.stdin)
      : text.startsWith('@')
        ? readFile(context, text.slice(1))
        : text;
  try {
    return JSON.parse(source);
  } catch (error) {
    const message = `${name} must be JSON, @file or -: ${(error as Error).message}`;
    throw usage('invalid_json', message);
  }
}

/** As readJsonOption, for a value that must be an object. */
export async function readObjectOption(
  context: Context,
  name: string,
  text: string | undefined,
): Promise<object | undefined> {
  const value = await readJsonOption(context, name, text);
  if (value === undefined) return undefined;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw usage('invalid_json', `${name} must be a JSON object, such as '{"order_id": 1}'`);
}

function readFile(context: Context, name: string): string {
  try {
    return readFileSync(context.path(name), 'utf8');
  } catch (error) {
    throw usage('no_file', `${name} cannot be read: ${(error as Error).message}`);
  }
}
