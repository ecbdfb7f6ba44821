// A connection that was lost is nobody's failure: what may be asked again is asked again until the
// database is back, for about as long as a lease.

const ATTEMPTS = 8;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

const CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  // The server shuts down, has crashed, or is starting; too many connections.
  '57P01',
  '57P02',
  '57P03',
  '53300',
]);
const MESSAGES = /connection terminated|connection error|timeout exceeded when trying to connect/i;

function isLost(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === 'string' && (CODES.has(code) || code.startsWith('08'))) return true;
  return typeof message === 'string' && MESSAGES.test(message);
}

/** Only for what may happen twice: reads, and writes under a key of their own. */
export async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (attempt >= ATTEMPTS || !isLost(error)) throw error;
      const pause = Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}
