// Versions of the SDK that do not fit the database: a call that the Data API does not have is explained by them.

import { expect, test } from 'vitest';
import { createStepbase, VersionError } from '../../sdk/src/index.ts';
import { compareVersions, VERSION } from '../../sdk/src/version.ts';
import { signedIn } from '../support/stack.ts';

interface Rest {
  rpc(name: string, args?: object): unknown;
}

/** A signed-in client that asks for a function which the database does not have; `schema`: the version it reads. */
async function ahead(schema?: { version: string; oldest_client: string }) {
  const client = await signedIn('developer@acme');
  const rpc = (rest: Rest, name: string, args?: object) => {
    if (name !== 'version') return rest.rpc(`${name}_of_tomorrow`, args);
    if (schema === undefined) return rest.rpc(name, args);
    return { abortSignal: () => Promise.resolve({ data: schema, error: null, status: 200 }) };
  };
  const stepbase = createStepbase({
    realtime: client.realtime,
    auth: client.auth,
    channel: () => undefined,
    removeChannel: () => Promise.resolve(),
    schema: () => {
      const rest = client.schema('stepbase') as unknown as Rest;
      return { rpc: (name: string, args?: object) => rpc(rest, name, args) };
    },
  });
  return await stepbase.emit('order.paid').catch((error: unknown) => error);
}

test('an SDK that is newer than the database names both versions', async () => {
  const error = await ahead({ version: '0.0.1', oldest_client: '0.0.1' });
  expect(error).toBeInstanceOf(VersionError);
  expect(error).toMatchObject({
    code: 'schema_too_old',
    details: { schema_version: '0.0.1', client_version: VERSION },
  });
});

test('an SDK that is too old for the database names the version to install', async () => {
  const error = await ahead({ version: '9.1.0', oldest_client: '9.0.0' });
  expect(error).toBeInstanceOf(VersionError);
  expect(error).toMatchObject({ code: 'client_too_old', details: { oldest_client: '9.0.0' } });
  expect(String(error)).toContain('Install stepbase@9.1.0');
});

test('with versions that fit, the error is that of the call', async () => {
  const error = await ahead();
  expect(error).not.toBeInstanceOf(VersionError);
  expect(error).toMatchObject({ code: 'not_found' });
});

test('versions are compared by their numbers', () => {
  expect(['0.10.0', '0.9.9', '1.0.0-rc.1'].sort(compareVersions)).toEqual([
    '0.9.9',
    '0.10.0',
    '1.0.0-rc.1',
  ]);
  expect(compareVersions('unknown', '0.0.0')).toBe(0);
});
