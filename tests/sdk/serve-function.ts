// An Edge Function that serves a component: it answers 202 and calls back, and its process lives until then.
import { serve } from '../../sdk/src/serve/index.ts';

const secret = process.env.STEPBASE_COMPONENT_SECRET ?? '';
const name = process.env.STEPBASE_COMPONENT ?? '';

export default {
  fetch: serve(
    {
      [name]: {
        later: true,
        run: async (input: { n: number }, ctx) => {
          ctx.log.info('counting', { n: input.n });
          return { n: input.n + 1, runtime: navigator.userAgent.split('/')[0] };
        },
      },
    },
    { secret },
  ),
};
