// The handshake: the range of versions, and how often the schema is asked.
import { deepStrictEqual, match, rejects, strictEqual, throws } from 'node:assert/strict';
import { handClock } from '../clock/testing.ts';
import { compareVersions } from '../version.ts';
import { askSchema, createHandshake } from './handshake.ts';
import { misfit, type SchemaVersion } from './verdict.ts';

const schemaOf = (version: string, oldest_functions = version): SchemaVersion => ({
  version,
  oldest_functions,
  oldest_client: oldest_functions,
});
const functions = { version: '1.4.0', schemaFrom: '1.3.0' };

Deno.test('versions are compared by their numbers; a pre-release counts as its version', () => {
  const ordered = ['0.9.10', '0.10.0', '1.2.3', '1.10.0', '10.0.0'];
  const mixed = ['10.0.0', '1.2.3', '0.10.0', '1.10.0', '0.9.10'];
  deepStrictEqual(mixed.sort(compareVersions), ordered);
  strictEqual(compareVersions('1.2.3-rc.1', '1.2.3'), 0);
  strictEqual(compareVersions('1.2.3+build', '1.2.3'), 0);
  for (const text of ['1.2', 'v1.2.3', '', '1.2.3 or so', '01.x.0']) {
    throws(() => compareVersions(text, '1.2.3'), TypeError);
  }
});

Deno.test('functions work with each schema from the one they need to the last that admits them', () => {
  const codeWith = (schema: SchemaVersion | undefined) => misfit(functions, schema)?.code;
  strictEqual(codeWith(undefined), 'schema_too_old');
  strictEqual(codeWith(schemaOf('1.2.9')), 'schema_too_old');
  strictEqual(codeWith(schemaOf('1.3.0')), undefined);
  strictEqual(codeWith(schemaOf('1.3.0-rc.1')), undefined);
  strictEqual(codeWith(schemaOf('1.4.0')), undefined);
  // A rolling deployment: the schema of the next releases, with the functions of this one.
  strictEqual(codeWith(schemaOf('1.9.0', '1.0.0')), undefined);
  strictEqual(codeWith(schemaOf('2.0.0', '1.4.0')), undefined);
  strictEqual(codeWith(schemaOf('1.5.0', '1.4.1')), 'schema_too_new');
  strictEqual(codeWith(schemaOf('2.0.0')), 'schema_too_new');
});

Deno.test('the error names both versions and the next step', () => {
  const old = misfit(functions, schemaOf('1.2.0'));
  strictEqual(old?.status, 503);
  match(
    old?.message ?? '',
    /has version 1\.2\.0; .* 1\.4\.0 need 1\.3\.0 or later.*Apply the migr/,
  );
  const late = misfit(functions, schemaOf('2.0.0'));
  match(
    late?.message ?? '',
    /has version 2\.0\.0, .* 2\.0\.0 or later; these have 1\.4\.0\. Deploy/,
  );
  deepStrictEqual(late?.extra, {
    schema_version: '2.0.0',
    functions_version: '1.4.0',
    needed_schema_version: '1.3.0',
    oldest_functions: '2.0.0',
  });
});

function world(first: SchemaVersion | undefined) {
  const clock = handClock();
  let answer: SchemaVersion | Error | undefined = first;
  let asked = 0;
  const changes: string[] = [];
  const handshake = createHandshake({
    clock,
    functions,
    ask() {
      asked += 1;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    onChange: (refusal, schema) => changes.push(`${refusal?.code ?? 'fits'} ${schema?.version}`),
  });
  return {
    ...{ clock, handshake, changes },
    asked: () => asked,
    become: (next: SchemaVersion | Error | undefined) => {
      answer = next;
    },
    code: async () => (await handshake.refusal())?.code,
  };
}

Deno.test('a schema that fits is asked once for all requests, and again a minute later beside one', async () => {
  const { clock, handshake, asked, become, code, changes } = world(schemaOf('1.4.0'));
  const all = await Promise.all([1, 2, 3].map(() => handshake.refusal()));
  deepStrictEqual([all, asked()], [[undefined, undefined, undefined], 1]);
  await clock.advance(59_999);
  strictEqual(await code(), undefined);
  strictEqual(asked(), 1);
  become(schemaOf('2.0.0'));
  await clock.advance(1);
  // This request does not wait for the answer.
  strictEqual(await code(), undefined);
  await clock.advance(1);
  deepStrictEqual([await code(), asked()], ['schema_too_new', 2]);
  deepStrictEqual(changes, ['schema_too_new 2.0.0']);
});

Deno.test('while it does not fit, it is asked once a second, and the functions recover', async () => {
  const { clock, asked, become, code, changes } = world(undefined);
  strictEqual(await code(), 'schema_too_old');
  await clock.advance(999);
  strictEqual(await code(), 'schema_too_old');
  strictEqual(asked(), 1);
  become(schemaOf('1.4.0'));
  await clock.advance(1);
  deepStrictEqual([await code(), asked()], [undefined, 2]);
  deepStrictEqual(changes, ['schema_too_old undefined', 'fits 1.4.0']);
});

Deno.test('a database that does not answer changes nothing, and a probe reports it', async () => {
  const { clock, handshake, asked, become, code } = world(schemaOf('1.0.0'));
  become(new Error('away'));
  strictEqual(await code(), undefined);
  strictEqual(await code(), undefined);
  strictEqual(asked(), 1);
  await rejects(handshake.probe(), /away/);
  become(schemaOf('1.0.0'));
  await clock.advance(1_000);
  strictEqual(await code(), 'schema_too_old');
  become(new Error('away'));
  await clock.advance(1_000);
  strictEqual(await code(), 'schema_too_old');
});

Deno.test('only a missing function, schema or privilege means a schema without a version', async () => {
  const asking = (code: string) =>
    askSchema({
      query: () => Promise.reject(Object.assign(new Error(code), { code })),
    } as unknown as Parameters<typeof askSchema>[0])();
  for (const code of ['42883', '3F000', '42501']) strictEqual(await asking(code), undefined);
  for (const code of ['57P03', '57014', 'ECONNREFUSED']) await rejects(asking(code));
});
