// The driver of the embedded Data API throws outside of any call when a connection breaks while it writes
// (postgres.js, nextWrite). The call is never answered, which its client has to bear; the process lives on.

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
