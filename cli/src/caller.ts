// The caller that the server recognizes, and whether it acts for the application of the link.
import type { Context } from './context.ts';
import { CliError, EXIT } from './errors.ts';
import { type Credentials, createServer } from './server.ts';

export interface Caller {
  app_code: string;
  permissions: string[];
  api_key_id: string | null;
}

export const readCaller = (credentials: Credentials): Promise<Caller> =>
  createServer(credentials).get<Caller>('/v1/me');

/** An API key has an application of its own: refuses one of another application than the link names. */
export function requireApp(caller: Caller, app: string | undefined, name: string): void {
  if (app === undefined || caller.app_code === app) return;
  throw new CliError(
    EXIT.usage,
    'wrong_application',
    `The key belongs to the application ${caller.app_code}, but ${name} names ${app}`,
    { hint: 'Use a key of that application, or change the link with `stepbase link`.' },
  );
}

/** Before changes. */
export async function requireTarget({ server, target }: Context): Promise<void> {
  if (target.app === undefined) return;
  requireApp(await server.get<Caller>('/v1/me'), target.app, target.name);
}
