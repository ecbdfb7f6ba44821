// All step types that the worker executes, by name. The engine executes the others itself.

import { aiAgentTask } from './ai-agent-task.ts';
import { childWorkflow } from './child-workflow.ts';
import { condition } from './condition.ts';
import { delay } from './delay.ts';
import { emitEvent } from './emit-event.ts';
import { queryRun, sendSignal } from './external-run.ts';
import { forEach } from './for-each.ts';
import { httpRequest } from './http-request.ts';
import { inlineCode } from './inline-code.ts';
import { llmCall } from './llm-call.ts';
import { sendEmail } from './send-email.ts';
import { serviceTask } from './service-task.ts';
import { sqlFunction } from './sql-function.ts';
import { storageRead, storageWrite } from './storage.ts';
import { transform } from './transform.ts';
import type { StepHandler } from './types.ts';
import { userTask } from './user-task.ts';
import { waitForApproval } from './wait-for-approval.ts';
import { waitForSignal } from './wait-for-signal.ts';
import { webhook } from './webhook.ts';
import { workQueuePop, workQueuePush } from './work-queue.ts';

const handlers: readonly StepHandler[] = [
  httpRequest,
  webhook,
  sqlFunction,
  storageRead,
  storageWrite,
  transform,
  condition,
  inlineCode,
  llmCall,
  sendEmail,
  waitForApproval,
  userTask,
  delay,
  waitForSignal,
  forEach,
  childWorkflow,
  emitEvent,
  workQueuePush,
  workQueuePop,
  serviceTask,
  aiAgentTask,
  sendSignal,
  queryRun,
];

export const stepHandlers: ReadonlyMap<string, StepHandler> = new Map(
  handlers.map((handler) => [handler.stepType.name, handler]),
);

export { stopCodeThreads } from './code-runner.ts';
export { type CompiledStep, compileStep } from './compile.ts';
export { createStepEnv, defaultStepLimits, type StepEnv, type StepLimits } from './env.ts';
export { StepError, toStepError } from './errors.ts';
export type * from './types.ts';
