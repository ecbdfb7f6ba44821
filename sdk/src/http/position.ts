// Reads of read replicas: the position in the write-ahead log up to which the answers of this client saw or wrote. The next
// requests state it, so that a replica which has replayed less does not answer them.
import type { Fetch } from './exchange.ts';

const HEADER = 'stepbase-lsn';

export interface Position {
  headers(): Record<string, string>;
  /** Sends a request that has the headers above, and remembers the position of its answer. */
  follow(method: string, send: () => ReturnType<Fetch>): ReturnType<Fetch>;
}

/** Two hexadecimal numbers: `16/B374D848`. */
function numberOf(position: string): bigint {
  const [high = '0', low = '0'] = position.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

const isLater = (one: string, other: string): boolean => numberOf(one) > numberOf(other);

export function createPosition(): Position {
  let newest: string | undefined;
  /** Grows when a write has an unknown position; answers to earlier requests do not count then. */
  let epoch = 0;

  function forget(): void {
    newest = undefined;
    epoch += 1;
  }

  return {
    headers(): Record<string, string> {
      return newest === undefined ? {} : { [HEADER]: newest };
    },
    async follow(method, send) {
      const sent = newest;
      const begun = epoch;
      const isWrite = method !== 'GET';
      let response: Response;
      try {
        response = await send();
      } catch (error) {
        if (isWrite) forget();
        throw error;
      }
      const seen = response.headers.get(HEADER);
      if (seen === null) {
        // Without a position, the API shows everything that was committed before the request.
        if (isWrite) forget();
      } else if (begun === epoch) {
        // Lower than the position of the request: another server has become the primary.
        const isOfNewPrimary = sent !== undefined && isLater(sent, seen);
        if (newest === undefined || isOfNewPrimary || isLater(seen, newest)) newest = seen;
      }
      return response;
    },
  };
}
