// Reading stored outputs for a caller: what the database refuses, and what the failures of Storage become.

import { deepStrictEqual, rejects } from 'node:assert/strict';
import { AppError } from '../_shared/errors/index.ts';
import { MAX_OUTPUT_BYTES, OUTPUT_BUCKET, sha256 } from '../_shared/outputs/reference.ts';
import { readStepOutput, type StepOutput, withContents } from './stored-outputs.ts';

const PATH =
  'acme/00000000-0000-4000-8000-000000000001/00000000-0000-4000-8000-000000000002/1.json';
const CONTENT = '{"total":7}';
const reference = {
  $stepbase: 'storage',
  bucket: OUTPUT_BUCKET,
  path: PATH,
  size: CONTENT.length,
  sha256: sha256(new TextEncoder().encode(CONTENT)),
  content_type: 'application/json',
};

async function read(output: unknown, respond: () => Response): Promise<unknown> {
  const server = Deno.serve({ port: 0, hostname: '127.0.0.1', onListen: () => {} }, respond);
  const storage = { url: `http://127.0.0.1:${server.addr.port}`, secretKey: 'sb_secret_x' };
  const step: StepOutput = { app_code: 'acme', attempt: 1, output };
  try {
    return await withContents(step, storage, new AbortController().signal);
  } finally {
    await server.shutdown();
  }
}

const refused = (status: number) => () => Response.json({ message: 'no' }, { status });
const code = (expected: string) => (error: unknown) =>
  error instanceof AppError && error.code === expected;

Deno.test('contents stand in place of references', async () => {
  const output = { pages: [reference, { other: 1 }] };
  deepStrictEqual(await read(output, () => new Response(CONTENT)), {
    pages: [{ total: 7 }, { other: 1 }],
  });
  deepStrictEqual(await read({ other: 1 }, refused(500)), { other: 1 });
});

Deno.test('failures of Storage have codes of the API', async () => {
  for (const [respond, expected] of [
    [refused(404), 'not_found'],
    [refused(503), 'unavailable'],
    [refused(403), 'unavailable'],
    [() => new Response('{"total":8}'), 'conflict'],
  ] as const) {
    await rejects(read(reference, respond), code(expected));
  }
  const large = { ...reference, size: MAX_OUTPUT_BYTES + 1 };
  await rejects(
    read(large, () => new Response(CONTENT)),
    code('invalid_request'),
  );
});

Deno.test('the database decides as the caller before Storage is asked', async () => {
  const where = { runId: 'r', stepId: 's', itemIndex: 0 };
  const asked: unknown[] = [];
  const answering = (output: unknown, all: boolean) => {
    const rows: object[][] = [[{ app_code: 'acme', attempt: 1, output }], [{ all }]];
    return <R extends object>(_text: string, values?: readonly unknown[]): Promise<R[]> => {
      asked.push(values);
      return Promise.resolve((rows.shift() ?? []) as R[]);
    };
  };
  await rejects(readStepOutput(answering(reference, false), where), code('permission_denied'));
  deepStrictEqual(asked.at(-1), [[PATH]]);
  deepStrictEqual((await readStepOutput(answering(reference, true), where))?.output, reference);
  asked.length = 0;
  deepStrictEqual((await readStepOutput(answering(7, false), where))?.output, 7);
  deepStrictEqual(asked.length, 1);
});
