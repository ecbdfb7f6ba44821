// Versions of a request: every answer names that of the API; the schema and the client must fit it.
import type { Context, MiddlewareHandler } from 'hono';
import { AppError } from '../../_shared/errors/index.ts';
import type { Handshake } from '../../_shared/handshake/index.ts';
import { compareVersions, VERSION } from '../../_shared/version.ts';
import type { ApiEnv } from '../deps.ts';

export const VERSION_HEADER = 'Stepbase-Version';

export const nameVersion: MiddlewareHandler<ApiEnv> = async (c, next) => {
  c.header(VERSION_HEADER, VERSION);
  await next();
};

/** The SDK and the CLI name themselves in the header of Supabase's clients. Other callers have no version. */
const CLIENT = /(?:^|\s)(stepbase(?:-cli)?)\/(\d+\.\d+\.\d+\S*)/;

function refuseOldClient(c: Context<ApiEnv>, oldest: string): void {
  const [, name, version] = CLIENT.exec(c.req.header('x-client-info') ?? '') ?? [];
  if (name === undefined || version === undefined) return;
  if (compareVersions(version.replace(/[-+].*$/, ''), oldest) >= 0) return;
  throw new AppError(
    'client_too_old',
    `${name} ${version} is too old for this installation of Stepbase, which has version ${VERSION} and needs ` +
      `${oldest} or later. Install ${name}@${VERSION}.`,
    { extra: { client_version: version, oldest_client: oldest } },
  );
}

export function requireVersions(handshake: Handshake): MiddlewareHandler<ApiEnv> {
  return async function checkVersions(c, next) {
    const refusal = await handshake.refusal();
    if (refusal !== undefined) throw refusal;
    if (handshake.schema !== undefined) refuseOldClient(c, handshake.schema.oldest_client);
    await next();
  };
}
