// The checks of published versions: a worker makes all that are due, stores the findings, and survives each failure.

import { deepEqual, equal } from 'node:assert/strict';
import type { DueCheck } from './engine/engine.ts';
import { VersionChecks } from './version-checks.ts';

const version = (id: string, expression: string): DueCheck => ({
  workflow_version_id: id,
  definition: {
    nodes: [{ id: 'a', type: 'transform', data: { config: { expression } } }],
    edges: [],
  },
  context: {},
});

async function run(due: (DueCheck | Error)[][], acceptsWork = () => true) {
  const recorded: [string, string[]][] = [];
  const errors: string[] = [];
  let idle = 0;
  const checks = new VersionChecks({
    engine: {
      dueChecks() {
        const [first, ...rest] = due.shift() ?? [];
        if (first instanceof Error) return Promise.reject(first);
        return Promise.resolve([first, ...rest].filter((one) => one !== undefined) as DueCheck[]);
      },
      recordCheck(id, findings) {
        recorded.push([id, findings.map(({ code }) => code)]);
        return Promise.resolve();
      },
    },
    acceptsWork,
    onIdle: () => {
      idle += 1;
    },
    onError: (message) => errors.push(message),
  });
  checks.start();
  equal(checks.isBusy, true);
  await checks.settled();
  equal(checks.isBusy, false);
  equal(idle, 1);
  return { recorded, errors };
}

Deno.test('all versions that are due are checked', async () => {
  const { recorded } = await run([
    [version('v1', 'input.('), version('v2', '1')],
    [version('v3', 'steps.gone.output')],
  ]);
  deepEqual(recorded, [
    ['v1', ['expression_syntax']],
    ['v2', []],
    ['v3', ['unknown_reference']],
  ]);
});

Deno.test('an error ends the checks without an exception', async () => {
  const { recorded, errors } = await run([
    [new Error('the database is away')],
    [version('v', '1')],
  ]);
  deepEqual(recorded, []);
  equal(errors.length, 1);
});

Deno.test('a version that the checker cannot check is recorded, so that it is not checked forever', async () => {
  const broken = {
    ...version('v', '1'),
    get definition(): unknown {
      throw new Error('a fault of the checker');
    },
  };
  const { recorded, errors } = await run([[broken, version('w', '1')]]);
  deepEqual(recorded, [
    ['v', ['not_checked']],
    ['w', []],
  ]);
  equal(errors.length, 1);
});

Deno.test('a worker that stops starts no further check', async () => {
  const { recorded } = await run([[version('v', '1')]], () => false);
  deepEqual(recorded, []);
});
