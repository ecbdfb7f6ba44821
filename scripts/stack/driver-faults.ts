// The driver of the embedded Data API (postgres.js) fails outside of any call if a connection breaks: it throws while it
// writes, or rejects a promise of a transaction that no caller has. The client gets no answer to that call, or an error;
// the process continues, and the Data API gets a new pool (rest.ts). Any other uncaught error ends the process.

import { inspect } from 'node:util';

/** Whether a line of the driver itself made the error. */
const isDriverFault = (error: unknown) =>
  error instanceof Error &&
  /^[^\n]*\n\s*at [^\n]*\bpostgres\/src\/connection\.js/.test(error.stack ?? '');

/** Returns a function that ends the tolerance. */
export function tolerateDriverFaults(): () => void {
  const onUncaught = (error: Error) => {
    if (isDriverFault(error)) return;
    // Not by the console, which is silenced while the Data API handles a request.
    process.stderr.write(`${inspect(error)}\n`);
    process.exit(1);
  };
  process.on('uncaughtException', onUncaught);
  return () => process.off('uncaughtException', onUncaught);
}
