// The commands that a client may send over REST, and the removal of script flags that only Upstash supports.

import { createHash } from 'node:crypto';
import { limits } from './limits.ts';

export type Command = string[];

/** Commands with connection state, blocking and administration are not possible in one HTTP request. */
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
 * `#!lua flags=allow-key-locking` is a flag of Upstash that Redis refuses. The script runs without it, under the hash
 * that the client computed.
 */
export class Scripts {
  /** Maps the hash of the client to the executed script. The oldest entry is removed first. */
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
        // Sent as text: Redis may have removed the script, which the client does not have to know.
        return [name.toUpperCase().replace('EVALSHA', 'EVAL'), known, ...rest];
      }
      default:
        return command;
    }
  }

  /** The replies that Redis cannot give, because it has the scripts under other hashes. */
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

/** Null if the script has no flag of Upstash. */
function withoutUpstashFlags(script: string): string | null {
  const line = /^#!lua[^\n]*/.exec(script)?.[0];
  if (!line?.includes('allow-key-locking')) return null;
  const flags = (/flags=([\w,-]*)/.exec(line)?.[1] ?? '')
    .split(',')
    .filter((flag) => flag !== '' && flag !== 'allow-key-locking');
  // In Redis, only a script without a shebang may use undeclared keys; Upstash allows it for every script. The newline
  // is kept, so that the line numbers of errors do not change.
  const first = flags.length > 0 ? `#!lua flags=${flags.join(',')}` : '';
  return first + script.slice(line.length);
}
