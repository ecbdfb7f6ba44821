// The driver of the embedded Data API (postgres.js) throws outside of any call if a connection breaks while it writes,
// or while it handles the end of another one. The client gets no answer to that call; the process continues, and the
// Data API gets a new pool (rest.ts). Any other uncaught error ends the process.

import { inspect } from 'node:util';

/** Whether the error was thrown by a line of the driver itself. */
const isDriverFault = (error: Error) =>
  error instanceof TypeError &&
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
