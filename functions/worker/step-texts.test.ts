// The texts of models on their way to watchers: how pieces gather, their places, and their bounds.

import assert from 'node:assert/strict';
import { handClock, settled } from '../_shared/clock/testing.ts';
import { StepTextSender, type TextPiece } from './step-texts.ts';

const A = { step_run_id: 'a', fence: 1 };

function setup() {
  const batches: TextPiece[][] = [];
  const errors: string[] = [];
  const clock = handClock();
  const texts = new StepTextSender({
    send(pieces) {
      batches.push([...pieces]);
      return batches.length === 1 ? Promise.reject(new Error('away')) : Promise.resolve();
    },
    clock,
    onError: (message) => errors.push(message),
  });
  const told = () =>
    batches.map((batch) =>
      batch.map(({ step_run_id, call, seq, offset, text, done }) =>
        [step_run_id, call, seq, offset, text, done].join(' '),
      ),
    );
  /** Lets the loop reach its next wait, and ends the wait. */
  const next = async () => {
    await settled();
    await clock.advance(250);
  };
  return { texts, batches, errors, told, next };
}

Deno.test('the pieces of a step gather for a quarter of a second, with their places in the text', async () => {
  const { texts, errors, told, next } = setup();
  const stream = texts.open(A, 0);
  stream.add('Hel');
  stream.add('lo ');
  await next();
  stream.add('wor');
  assert.equal(texts.isBusy, true);
  stream.add('ld');
  stream.end();
  stream.add('late');
  await next();
  await next();
  await texts.settled();
  assert.deepEqual(told(), [['a 0 1 0 Hello  false'], ['a 0 2 6 world true']]);
  assert.deepEqual(errors, ['1 pieces of text could not be sent']);
  assert.equal(texts.isBusy, false);
});

Deno.test('calls take turns, and each has numbers of its own', async () => {
  const { texts, batches, next } = setup();
  const streams = Array.from({ length: 12 }, (_, call) => texts.open(A, call));
  for (const stream of streams) stream.add('x');
  await next();
  streams[0]?.add('y');
  await next();
  assert.deepEqual(
    batches.map((batch) => batch.map(({ call, seq }) => `${call}:${seq}`).join(' ')),
    ['0:1 1:1 2:1 3:1 4:1 5:1 6:1 7:1 8:1 9:1', '10:1 11:1', '0:2'],
  );
});

Deno.test('a piece is bounded and never cuts a character, and so is the text of a call', async () => {
  const { texts, batches, next } = setup();
  const stream = texts.open(A, 0);
  stream.add(`${'x'.repeat(7_999)}😀`);
  await next();
  await next();
  const sizes = batches.flat().map(({ text, offset }) => [offset, text.length]);
  assert.deepEqual(sizes, [
    [0, 7_999],
    [7_999, 2],
  ]);
  stream.add('y'.repeat(250_000));
  stream.end();
  for (let turn = 0; turn < 30; turn += 1) await next();
  await texts.settled();
  const last = batches.flat().at(-1);
  assert.deepEqual([last?.done, last?.truncated], [true, true]);
  assert.equal((last?.offset ?? 0) + (last?.text.length ?? 0), 200_000);
});

Deno.test('a call without text sends nothing', async () => {
  const { texts, batches } = setup();
  texts.open(A, 0).end();
  await texts.settled();
  assert.deepEqual(batches, []);
});
