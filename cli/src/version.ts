// The version of the CLI, which the server gets with every request, and a note about an older server.

import { compareVersions } from '../../sdk/src/version.ts';
import about from '../package.json' with { type: 'json' };

export const VERSION = about.version;

/** `x-client-info` of all requests. */
export const CLIENT = `stepbase-cli/${VERSION}`;

/** `fetch` that notes if the server is older than the CLI. A server that is too new refuses the CLI by itself. */
export function notingVersions(fetch: typeof globalThis.fetch, note: (text: string) => void) {
  return async (...given: Parameters<typeof globalThis.fetch>): Promise<Response> => {
    const response = await fetch(...given);
    const server = response.headers.get('stepbase-version');
    if (server !== null && compareVersions(server, VERSION) < 0) {
      note(
        `The project has Stepbase ${server}, which is older than this CLI (${VERSION}). Upgrade the project if a command fails.`,
      );
    }
    return response;
  };
}
