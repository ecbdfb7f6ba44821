// The limit of open streams is counted for each application, and a stream that ends frees its place.
import { strictEqual, throws } from 'node:assert/strict';
import { AppError } from '../../_shared/errors/index.ts';
import { createOpenStreams } from './open-streams.ts';

const refused = (error: unknown) => error instanceof AppError && error.code === 'limit_reached';

Deno.test('an application opens as many streams as its limit', () => {
  const streams = createOpenStreams();
  for (let n = 0; n < 7; n++) streams.open('tap-one', 7);
  throws(() => streams.open('tap-one', 7), refused);
  strictEqual(typeof streams.open('tap-two', 7), 'function');
});

Deno.test('a stream that ends makes room for one, however often it ends', () => {
  const streams = createOpenStreams();
  const [first] = [streams.open('tap-one', 2), streams.open('tap-one', 2)];
  first?.();
  first?.();
  streams.open('tap-one', 2);
  throws(() => streams.open('tap-one', 2), refused);
});
