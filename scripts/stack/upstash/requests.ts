// Parses an HTTP request: one command as JSON or in the path, several in a pipeline or a transaction, or a
// subscription.

import type { IncomingMessage } from 'node:http';
import { readBody } from '../body.ts';
import type { Command } from './commands.ts';
import { limits } from './limits.ts';

export type Wish =
  | { kind: 'command'; command: Command }
  | { kind: 'pipeline' | 'transaction'; commands: Command[] }
  | { kind: 'subscription'; word: 'subscribe' | 'psubscribe'; names: string[] };

export class BadRequest extends Error {
  readonly status: number;
  constructor(message: string, status = 400) {
    super(message);
    this.status = status;
  }
}

export async function readWish(request: IncomingMessage, url: URL): Promise<Wish> {
  const path = url.pathname.split('/').filter((part) => part !== '');
  const [first = '', ...rest] = path.map(decodePart);
  const tooLarge = () => new BadRequest('ERR max request size exceeded', 413);
  const body = await readBody(request, limits.requestBytes, tooLarge);
  if (first === '') return { kind: 'command', command: toCommand(parse(body)) };
  if (first === 'pipeline' && rest.length === 0) {
    return { kind: 'pipeline', commands: toCommands(parse(body)) };
  }
  if (first === 'multi-exec' && rest.length === 0) {
    return { kind: 'transaction', commands: toCommands(parse(body)) };
  }
  const word = first.toLowerCase();
  if (word === 'subscribe' || word === 'psubscribe') {
    if (rest.length === 0)
      throw new BadRequest(`ERR wrong number of arguments for '${word}' command`);
    return { kind: 'subscription', word, names: rest };
  }
  // `SET/key?EX=60` with the value in the body: path, body, query, in this order.
  const query = [...url.searchParams].flatMap(([name, value]) => {
    if (name === '_token') return [];
    return value === '' ? [name] : [name, value];
  });
  const value = body.length > 0 ? [body.toString('utf8')] : [];
  return { kind: 'command', command: [first, ...rest, ...value, ...query] };
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new BadRequest('ERR malformed path');
  }
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new BadRequest('ERR failed to parse command');
  }
}

function toCommands(value: unknown): Command[] {
  if (!Array.isArray(value) || value.length === 0)
    throw new BadRequest('ERR empty pipeline request');
  if (value.length > limits.commands) throw new BadRequest('ERR too many commands');
  return value.map(toCommand);
}

function toCommand(value: unknown): Command {
  if (!Array.isArray(value) || value.length === 0) throw new BadRequest('ERR empty command');
  return value.map((part) => {
    if (typeof part === 'string') return part;
    if (typeof part === 'number' || typeof part === 'boolean') return String(part);
    if (part === null) throw new BadRequest('ERR null args are not supported');
    return JSON.stringify(part);
  });
}
