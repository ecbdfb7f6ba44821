import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { createTestKit, failure, httpOutput, type MockCall, type TestKit } from 'stepbase-test';
import { trip } from '../stepbase/workflows/trip.ts';

const input = { travel_url: 'https://travel.example', traveller: 'Kim', city: 'Oslo' };
/** Books, and cancels as a compensation. */
const booked = ({ step, isCompensation }: MockCall) =>
  httpOutput(isCompensation ? {} : { booking: `${step}-1` });

let kit: TestKit;
before(async () => {
  kit = await createTestKit();
});
beforeEach(() => kit.reset());
after(() => kit.close());

test('a trip is booked as a whole', async () => {
  const workflow = await kit.workflow(trip);
  kit.mock({ type: 'http_request' }, booked);
  const run = await (await workflow.start(input)).settled();
  assert.deepEqual(run.result(), { bookings: ['flight-1', 'hotel-1', 'car-1'] });
});

test('without a car, the hotel and the flight are cancelled', async () => {
  const workflow = await kit.workflow(trip);
  kit.mock({ type: 'http_request' }, booked);
  kit.mock('car', () => failure('sold_out', 'no car is left'));
  const run = await (await workflow.start(input)).ended();
  assert.deepEqual(run.path(), ['flight', 'hotel', 'car!', '~hotel', '~flight']);
  assert.deepEqual([run.status, run.error?.code], ['failed', 'sold_out']);
  assert.equal(kit.calls('hotel')[1]?.config.url, 'https://travel.example/hotel/hotel-1');
});

test('a cancellation that fails is repeated', async () => {
  const workflow = await kit.workflow(trip);
  kit.mock({ type: 'http_request' }, booked);
  kit.mock('hotel', () => failure('sold_out', 'no room is left'));
  kit.mock('flight', (call) =>
    call.isCompensation && call.attempt === 1
      ? failure('http_server_error', 'closed', { retryable: true })
      : booked(call),
  );
  const run = await (await workflow.start(input)).ended();
  assert.equal(run.status, 'failed');
  assert.deepEqual(
    kit.calls('flight').map(({ isCompensation, attempt }) => [isCompensation, attempt]),
    [
      [false, 1],
      [true, 1],
      [true, 2],
    ],
  );
});
