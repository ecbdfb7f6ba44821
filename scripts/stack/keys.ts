// The secrets of a stack: created once per data directory, readable only by its owner.

import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface StackKeys {
  publishableKey: string;
  secretKey: string;
  jwtSecret: string;
  redisToken: string;
  /** The passwords of the superuser supabase_admin and of the roles of the services. */
  servicePassword: string;
}

/** `sb_publishable_<22>_<8>`: random part and checksum, as hosted projects write them. */
function apiKey(type: 'publishable' | 'secret'): string {
  const body = `sb_${type}_${randomBytes(17).toString('base64url').slice(0, 22)}`;
  const checksum = createHash('sha256').update(`supabase-self-hosted|${body}`).digest('base64url');
  return `${body}_${checksum.slice(0, 8)}`;
}

function generateKeys(): StackKeys {
  return {
    publishableKey: apiKey('publishable'),
    secretKey: apiKey('secret'),
    jwtSecret: randomBytes(48).toString('base64url'),
    redisToken: randomBytes(24).toString('base64url'),
    servicePassword: randomBytes(24).toString('base64url'),
  };
}

/** The keys of the data directory, made at the first start; `given` keys replace them and are not written. */
export async function loadKeys(
  dataDir: string,
  given: Partial<StackKeys> = {},
): Promise<StackKeys> {
  return { ...(await keysOf(dataDir)), ...given };
}

async function keysOf(dataDir: string): Promise<StackKeys> {
  const path = join(dataDir, 'keys.json');
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as StackKeys;
  return await createKeys(dataDir);
}

/** Makes the keys of a new data directory; `known` are those that something else has fixed. */
export async function createKeys(
  dataDir: string,
  known: Partial<StackKeys> = {},
): Promise<StackKeys> {
  const path = join(dataDir, 'keys.json');
  const keys = { ...generateKeys(), ...known };
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  // Written to another name and renamed: a start that is killed here leaves no partial file.
  await writeFile(`${path}.tmp`, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.tmp`, path);
  return keys;
}
