// The driver of the embedded Data API throws outside of any call when a connection breaks while it writes
// (postgres.js, nextWrite). The call is never answered, which its client has to bear; the process lives on,
// and the Data API gets a new pool (rest.ts). For processes of our own: whatever else is not caught ends them.

const isDriverFault = (error: Error) =>
  error instanceof TypeError &&
  /\bnextWrite\b.*\bpostgres\/src\/connection\.js/.test(error.stack ?? '');

export function bearDriverFaults(): () => void {
  const bear = (error: Error) => {
    if (isDriverFault(error)) return;
    console.error(error);
    process.exit(1);
  };
  process.on('uncaughtException', bear);
  return () => process.off('uncaughtException', bear);
}
