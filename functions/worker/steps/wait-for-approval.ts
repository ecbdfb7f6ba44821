// wait_for_approval: asks a person to approve or reject. The decision or the deadline completes the step; the engine
// writes {approved, comment, decided_by} and chooses the handle 'approved', 'rejected' or 'timeout'.

import { waitForApprovalType } from '../../_shared/step-types/wait-for-approval.ts';
import { toTask } from './task.ts';
import type { StepHandler, StepResult } from './types.ts';

export const waitForApproval: StepHandler<typeof waitForApprovalType> = {
  stepType: waitForApprovalType,
  run(config): Promise<StepResult> {
    const waiting = toTask(config);
    if (waiting.kind === 'waiting' && waiting.task) {
      const { approvals_required: required, reject_on: rejectOn, exclude_requester } = config;
      if (required) waiting.task.approvals_required = required;
      if (rejectOn) waiting.task.reject_on = rejectOn;
      if (exclude_requester) waiting.task.exclude_requester = true;
    }
    return Promise.resolve(waiting);
  },
};
