// child_workflow: the engine starts a run of another workflow of the same app; the step waits for it, unless
// `wait` is false.

import { childWorkflowType } from '../../_shared/step-types/child-workflow.ts';
import type { StepHandler, StepResult } from './types.ts';

export const childWorkflow: StepHandler<typeof childWorkflowType> = {
  stepType: childWorkflowType,
  run: ({ timeout_ms, ...child }): Promise<StepResult> =>
    Promise.resolve({
      kind: 'waiting',
      reason: 'child',
      child,
      ...(timeout_ms ? { timeoutMs: timeout_ms } : {}),
    }),
};
