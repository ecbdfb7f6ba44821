// Which commands a client may send over REST, and what of Upstash's own dialect Redis is not to
// see.

import { createHash } from 'node:crypto';
import { limits } from './limits.ts';

export type Command = string[];

/** Connection state, blocking and administration have no place in one HTTP request. */
const REFUSED = new Set(
  (
    'SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE MONITOR SYNC PSYNC MULTI ' +
    'EXEC DISCARD WATCH UNWATCH SELECT SWAPDB AUTH HELLO RESET QUIT CLIENT BLPOP BRPOP BLMOVE BLMPOP ' +
    'BRPOPLPUSH BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF SHUTDOWN CONFIG DEBUG REPLICAOF SLAVEOF SAVE ' +
    'BGSAVE BGREWRITEAOF CLUSTER FAILOVER MIGRATE MODULE ACL'
  ).split(' '),
);

export function checkCommand(command: Command): void {
  const [name = ''] = command;
  if (!REFUSED.has(name.toUpperCase())) return;
  throw new Error(`ERR Command is not available: '${name}'`);
}

/**
 * `#!lua flags=allow-key-locking` is a flag of Upstash that a Redis refuses. The script runs
 * without it, and stays known by the hash the client computed.
 */
export class Scripts {
  /** Hash as sent → script as run. The oldest is forgotten first. */
  readonly #rewritten = new Map<string, string>();

  translate(command: Command): Command {
    const [name = '', script = '', ...rest] = command;
    switch (name.toUpperCase()) {
      case 'EVAL':
      case 'EVAL_RO': {
        const plain = this.#remember(script);
        return plain === null ? command : [name, plain, ...rest];
      }
      case 'EVALSHA':
      case 'EVALSHA_RO': {
        const known = this.#rewritten.get(script.toLowerCase());
        if (known === undefined) return command;
        // By its text: Redis may have forgotten it, the client need not know.
        return [name.toUpperCase().replace('EVALSHA', 'EVAL'), known, ...rest];
      }
      default:
        return command;
    }
  }

  /** The answers Redis cannot give: it knows the scripts by other hashes. */
  answer(command: Command): unknown {
    const [name = '', action = '', ...scripts] = command;
    if (name.toUpperCase() !== 'SCRIPT') return undefined;
    if (action.toUpperCase() === 'FLUSH') this.#rewritten.clear();
    const [script] = scripts;
    if (action.toUpperCase() !== 'LOAD' || script === undefined) return undefined;
    return this.#remember(script) === null ? undefined : sha1(script);
  }

  #remember(script: string): string | null {
    const plain = withoutUpstashFlags(script);
    if (plain === null) return null;
    if (this.#rewritten.size >= limits.scripts) {
      const [oldest] = this.#rewritten.keys();
      if (oldest !== undefined) this.#rewritten.delete(oldest);
    }
    this.#rewritten.set(sha1(script), plain);
    return plain;
  }
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}

/** Null where there is nothing of Upstash's in it. */
function withoutUpstashFlags(script: string): string | null {
  const line = /^#!lua[^\n]*/.exec(script)?.[0];
  if (!line?.includes('allow-key-locking')) return null;
  const flags = (/flags=([\w,-]*)/.exec(line)?.[1] ?? '')
    .split(',')
    .filter((flag) => flag !== '' && flag !== 'allow-key-locking');
  // A script with a shebang may not touch keys it did not declare; Upstash is not so strict, nor
  // is a Redis with a script that has none. The newline stays, so do the line numbers of errors.
  const first = flags.length > 0 ? `#!lua flags=${flags.join(',')}` : '';
  return first + script.slice(line.length);
}
