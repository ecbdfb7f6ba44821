// wait_for_signal: waits for the named signal of send_signal; its payload is the output.

import { z } from 'zod';
import type { StepHandler, StepResult } from './types.ts';

const schema = z.object({
  signal_name: z.string().min(1),
  timeout_ms: z.number().int().positive().nullish(),
});

export const waitForSignal: StepHandler<z.infer<typeof schema>> = {
  type: 'wait_for_signal',
  schema,
  run(config): Promise<StepResult> {
    return Promise.resolve({
      kind: 'waiting',
      reason: 'signal',
      signalName: config.signal_name,
      ...(config.timeout_ms ? { timeoutMs: config.timeout_ms } : {}),
    });
  },
};
