// The keys of a user, in their config folder and never in a project: one for each address and application.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { readObject, writePrivate } from './files.ts';

export type Env = Readonly<Record<string, string | undefined>>;

export interface Place {
  url: string;
  app: string | undefined;
}

export function credentialsPath(env: Env): string {
  const folder =
    env.XDG_CONFIG_HOME ||
    (process.platform === 'win32' && env.APPDATA ? env.APPDATA : join(homedir(), '.config'));
  return join(folder, 'stepbase', 'credentials.json');
}

const nameOf = ({ url, app }: Place): string => (app === undefined ? url : `${url} ${app}`);

function readKeys(env: Env): Record<string, string> {
  const { keys } = readObject(credentialsPath(env)) ?? {};
  if (typeof keys !== 'object' || keys === null) return {};
  return Object.fromEntries(
    Object.entries(keys).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

export const readKey = (env: Env, place: Place): string | undefined => readKeys(env)[nameOf(place)];

export function storeKey(env: Env, place: Place, key: string): string {
  const path = credentialsPath(env);
  writePrivate(path, { keys: { ...readKeys(env), [nameOf(place)]: key } });
  return path;
}

/** False: there was none. */
export function removeKey(env: Env, place: Place): boolean {
  const { [nameOf(place)]: removed, ...keys } = readKeys(env);
  if (removed !== undefined) writePrivate(credentialsPath(env), { keys });
  return removed !== undefined;
}
