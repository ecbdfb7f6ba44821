// Books a flight, a hotel and a car. If one of them cannot be booked, or the run is cancelled, the earlier bookings are
// cancelled, the last one first.
import { defineWorkflow, expr, type Predecessor, shape } from 'stepbase/workflow';
import { z } from 'zod';

export const trip = defineWorkflow(
  'trip',
  { input: z.object({ travel_url: z.url(), traveller: z.string(), city: z.string() }) },
  (w) => {
    /**
     * A booking, and the step that cancels it. Each request has an Idempotency-Key of the step, so a service that knows
     * this header books once, also if the request is repeated.
     */
    const book = (id: string, after: Predecessor[]) =>
      w.httpRequest(
        id,
        {
          method: 'POST',
          url: `${w.input.travel_url}/${id}`,
          body: { traveller: w.input.traveller, city: w.input.city },
        },
        {
          after,
          output: shape<{ booking: string }>(),
          retry: { max_attempts: 3 },
          compensate: ({ output, step }) =>
            step.httpRequest(
              { method: 'DELETE', url: `${w.input.travel_url}/${id}/${output.body.booking}` },
              { retry: { max_attempts: 5 } },
            ),
        },
      );
    const flight = book('flight', []);
    const hotel = book('hotel', [flight]);
    const car = book('car', [hotel]);
    const bookings = [flight, hotel, car].map(({ output }) => output.body.booking);
    return w.transform('bookings', { expression: expr<string[]>`${bookings}` }, { after: car });
  },
);
