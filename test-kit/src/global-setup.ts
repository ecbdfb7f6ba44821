// For `globalSetup` of Vitest: one server for all files of the test run. Its default export returns how to stop it.

import { startServer } from './cluster.ts';
import { SERVER_VARIABLE } from './server.ts';

/** Starts the server and returns how to stop it. Vitest calls it. */
export default async function setup(): Promise<() => Promise<void>> {
  const server = await startServer();
  process.env[SERVER_VARIABLE] = server.adminUrl;
  return async () => {
    delete process.env[SERVER_VARIABLE];
    await server.stop();
  };
}
