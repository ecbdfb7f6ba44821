// Every step handler under the name by which compiled activities import it.

export { aiAgentTask } from '../../functions/worker/steps/ai-agent-task.ts';
export { childWorkflow } from '../../functions/worker/steps/child-workflow.ts';
export { condition } from '../../functions/worker/steps/condition.ts';
export { delay } from '../../functions/worker/steps/delay.ts';
export { emitEvent } from '../../functions/worker/steps/emit-event.ts';
export { queryRun, sendSignal } from '../../functions/worker/steps/external-run.ts';
export { forEach } from '../../functions/worker/steps/for-each.ts';
export { httpRequest } from '../../functions/worker/steps/http-request.ts';
export { inlineCode } from '../../functions/worker/steps/inline-code.ts';
export { llmCall } from '../../functions/worker/steps/llm-call.ts';
export { sendEmail } from '../../functions/worker/steps/send-email.ts';
export { serviceTask } from '../../functions/worker/steps/service-task.ts';
export { sqlFunction } from '../../functions/worker/steps/sql-function.ts';
export { storageRead, storageWrite } from '../../functions/worker/steps/storage.ts';
export { transform } from '../../functions/worker/steps/transform.ts';
export { userTask } from '../../functions/worker/steps/user-task.ts';
export { waitForApproval } from '../../functions/worker/steps/wait-for-approval.ts';
export { waitForSignal } from '../../functions/worker/steps/wait-for-signal.ts';
export { webhook } from '../../functions/worker/steps/webhook.ts';
export { workQueuePop, workQueuePush } from '../../functions/worker/steps/work-queue.ts';
