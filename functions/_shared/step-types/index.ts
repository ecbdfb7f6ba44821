// Every step type, in the order in which palettes list them.
//
// A new step type is four things:
// 1. a descriptor: `<type>.ts` in this folder, in the list below. It states every fact about the type and imports
//    nothing but zod and its neighbours, so that the web client, the API and an SDK can import it.
//    `node scripts/step-types.ts` then writes the database's row for it (the step_types migration);
//    an icon that is new gets its drawing in web/src/shared/step-icons.ts;
// 2. a handler: `steps/<type>.ts` of the worker, in the list of `steps/index.ts`. It imports the descriptor and
//    is given the parsed config;
// 3. a test of the handler, beside it;
// 4. a section in the documentation of step types.
// Tests compare descriptors with handlers, with the database and with the icons; `npm run check` finds a
// migration that is out of date.

import { aiAgentTaskType } from './ai-agent-task.ts';
import { childWorkflowType } from './child-workflow.ts';
import { conditionType } from './condition.ts';
import type { StepType } from './define.ts';
import { delayType } from './delay.ts';
import { emitEventType } from './emit-event.ts';
import { forEachType } from './for-each.ts';
import { httpRequestType } from './http-request.ts';
import { inlineCodeType } from './inline-code.ts';
import { llmCallType } from './llm-call.ts';
import { queryRunType } from './query-run.ts';
import { sendEmailType } from './send-email.ts';
import { sendSignalType } from './send-signal.ts';
import { serviceTaskType } from './service-task.ts';
import { sqlFunctionType } from './sql-function.ts';
import { storageReadType } from './storage-read.ts';
import { storageWriteType } from './storage-write.ts';
import { transformType } from './transform.ts';
import { userTaskType } from './user-task.ts';
import { waitForApprovalType } from './wait-for-approval.ts';
import { waitForSignalType } from './wait-for-signal.ts';
import { webhookType } from './webhook.ts';
import { workQueuePopType } from './work-queue-pop.ts';
import { workQueuePushType } from './work-queue-push.ts';

const all = [
  httpRequestType,
  webhookType,
  sqlFunctionType,
  storageReadType,
  storageWriteType,
  transformType,
  conditionType,
  inlineCodeType,
  llmCallType,
  sendEmailType,
  waitForApprovalType,
  userTaskType,
  serviceTaskType,
  aiAgentTaskType,
  delayType,
  waitForSignalType,
  forEachType,
  childWorkflowType,
  workQueuePushType,
  workQueuePopType,
  emitEventType,
  sendSignalType,
  queryRunType,
] as const;

export type StepTypeName = (typeof all)[number]['name'];

export const stepTypes: readonly StepType[] = all;

export type { RawLanguage, StepCategory, StepType, WaitKind } from './define.ts';
