// The gate of a resident worker: it starts, stops and starts again with the outcome of the handshake.
import { deepStrictEqual } from 'node:assert/strict';
import { handClock } from '../_shared/clock/testing.ts';
import { AppError } from '../_shared/errors/index.ts';
import { createSchemaGate } from './schema-gate.ts';

type Outcome = AppError | undefined | Error;

function world(first: Outcome) {
  const clock = handClock();
  const seen: string[] = [];
  let outcome = first;
  const gate = createSchemaGate({
    clock,
    graceMs: 5_000,
    handshake: {
      probe: () =>
        outcome instanceof AppError || outcome === undefined
          ? Promise.resolve(outcome)
          : Promise.reject(outcome),
    },
    worker: {
      start: () => seen.push('start'),
      stop: (graceMs) => {
        seen.push(`stop ${graceMs}`);
        return Promise.resolve();
      },
    },
    beat: (status, error) => {
      seen.push(error === undefined ? status : `${status}: ${error}`);
      return Promise.resolve();
    },
  });
  const become = (next: Outcome) => {
    outcome = next;
  };
  return { clock, gate, seen, become };
}

const tooNew = new AppError('schema_too_new', 'deploy');

Deno.test('a worker that does not fit reports it once and starts within a second of an upgrade', async () => {
  const { clock, gate, seen, become } = world(new AppError('schema_too_old', 'migrate'));
  await gate.open();
  await clock.advance(10_000);
  deepStrictEqual(seen, ['error: migrate']);
  become(undefined);
  await clock.advance(1_000);
  deepStrictEqual(seen.slice(1), ['running', 'start']);
  gate.close();
});

Deno.test('a worker that no longer fits stops with its grace time, and starts again when it fits', async () => {
  const { clock, gate, seen, become } = world(undefined);
  await gate.open();
  become(tooNew);
  await clock.advance(30_000);
  deepStrictEqual(seen, ['running', 'start', 'stop 5000', 'error: deploy']);
  become(undefined);
  await clock.advance(1_000);
  deepStrictEqual(seen.slice(4), ['running', 'start']);
  gate.close();
  become(tooNew);
  await clock.advance(60_000);
  deepStrictEqual(seen.length, 6);
});

Deno.test('a database that is away neither starts nor stops anything by itself', async () => {
  const { clock, gate, seen, become } = world(new Error('away'));
  await gate.open();
  deepStrictEqual(seen, ['running', 'start']);
  become(new Error('away again'));
  await clock.advance(120_000);
  deepStrictEqual(seen.length, 2);
  gate.close();
});
