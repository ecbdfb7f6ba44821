// wait_for_signal: waits for the named signal of send_signal; its payload is the output.

import { z } from 'zod';
import { waitForSignalType } from '../../_shared/step-types/wait-for-signal.ts';
import type { StepHandler, StepResult } from './types.ts';

/** A template may make any name. One that no signal can have is waited for until the deadline. */
const schema = waitForSignalType.config.extend({ signal_name: z.string().min(1) });

export const waitForSignal: StepHandler<typeof waitForSignalType> = {
  stepType: waitForSignalType,
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
