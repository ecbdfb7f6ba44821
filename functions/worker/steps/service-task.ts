// service_task: calls the endpoint of a component, signed by the Standard Webhooks specification. The output is the body of
// the response. After 202 the step waits: the component completes or fails it later by a callback.

import { serviceTaskType } from '../../_shared/step-types/service-task.ts';
import { checkInput, checkOutput, componentOf } from './component.ts';
import { StepError } from './errors.ts';
import { callHttp } from './http-client.ts';
import type { Component, OpenCallback, StepContext, StepHandler, StepResult } from './types.ts';
import { sign } from './webhook.ts';

export const serviceTask: StepHandler<typeof serviceTaskType> = {
  stepType: serviceTaskType,
  run(config, ctx): Promise<StepResult> {
    const component = componentOf(ctx, config.component, 'service_task');
    return callService(component, config.input ?? {}, ctx);
  },
};

const ACCEPTED = 202;

export async function callService(
  component: Component,
  input: unknown,
  ctx: StepContext,
): Promise<StepResult> {
  if (component.endpoint === null || !URL.canParse(component.endpoint)) {
    throw new StepError('invalid_config', `${component.name} has no endpoint that can be called`);
  }
  await checkInput(component, input);
  const timeoutMs = ctx.timeoutMs ?? component.timeout_ms;
  // The token exists before the call, because the callback may come before the response.
  const callback = await ctx.callbacks.open({ component, input: ctx.stored, callMs: timeoutMs });
  const deadline = new Date(ctx.env.now().getTime() + timeoutMs).toISOString();
  const body = JSON.stringify(messageOf(component, input, callback, deadline, ctx));
  const headers = await headersOf(body, callback, deadline, ctx);
  if (isTest(ctx)) {
    // The developer of a service sees the headers that it has to verify. Not the body: it has the token of the callback.
    ctx.log('info', `POST ${component.endpoint}`, { headers: Object.fromEntries(headers) });
  }
  const answer = await callHttp({
    method: 'POST',
    url: new URL(component.endpoint),
    headers,
    body,
    signal: ctx.signal,
    appCode: ctx.run.app_code,
    env: ctx.env,
    timeoutMs: ctx.timeoutMs === undefined ? component.timeout_ms : null,
    // A signed message is sent to its own address only: no redirects.
    maxRedirects: 0,
  });
  if (answer.status === ACCEPTED) {
    const { callback_timeout_ms: waitMs, heartbeat_timeout_ms: heartbeatMs } = component;
    return {
      kind: 'waiting',
      reason: 'callback',
      timeoutMs: waitMs,
      ...(heartbeatMs === null ? {} : { heartbeatTimeoutMs: heartbeatMs }),
    };
  }
  await checkOutput(component, answer.body);
  return { kind: 'completed', output: answer.body };
}

/** The RPC test_workflow gives its runs a workflow of this name. */
const isTest = ({ run }: StepContext): boolean => run.workflow.startsWith('test-of-');

function messageOf(
  component: Component,
  input: unknown,
  { token, expires_at }: OpenCallback,
  deadline: string,
  { run, stepId, stepRunId, attempt, itemIndex, item, idempotencyKey, env }: StepContext,
) {
  return {
    type: 'step.call',
    component: component.name,
    run: { id: run.id, application: run.app_code, workflow: run.workflow, version: run.version },
    step: {
      id: stepId,
      step_run_id: stepRunId,
      ...(item === undefined ? {} : { item_index: itemIndex }),
    },
    attempt,
    idempotency_key: idempotencyKey,
    deadline,
    input,
    callback: { url: env.callbackUrl, token, expires_at: new Date(expires_at).toISOString() },
  };
}

async function headersOf(
  body: string,
  { secrets }: OpenCallback,
  deadline: string,
  ctx: StepContext,
): Promise<Headers> {
  // The same for a call that is repeated because its worker was lost, and another one for the next attempt.
  const id = `${ctx.stepRunId}:${ctx.attempt}`;
  const at = String(Math.floor(ctx.env.now().getTime() / 1_000));
  const signatures = await Promise.all(
    secrets.map(async (secret) => `v1,${await sign(secret, `${id}.${at}.${body}`)}`),
  );
  const headers = new Headers({
    'content-type': 'application/json',
    accept: 'application/json',
    'user-agent': 'Stepbase-Components/1',
    'idempotency-key': ctx.idempotencyKey,
    'stepbase-deadline': deadline,
    'webhook-id': id,
    'webhook-timestamp': at,
  });
  if (signatures.length > 0) headers.set('webhook-signature', signatures.join(' '));
  const trace = ctx.traceparent?.() ?? unrecordedTrace(ctx);
  if (trace !== undefined) headers.set('traceparent', trace);
  return headers;
}

/** W3C Trace Context without an exported span: the parent is the attempt, whose id gives the span id. */
function unrecordedTrace({ run, stepRunId }: StepContext): string | undefined {
  const span = stepRunId.replaceAll('-', '').slice(-16);
  const isValid = /^[0-9a-f]{32}$/.test(run.trace_id ?? '') && /^[0-9a-f]{16}$/.test(span);
  return isValid ? `00-${run.trace_id}-${span}-00` : undefined;
}
