// service_task: posts its input to the endpoint of a component; the output is the body of the response.

import { serviceTaskType } from '../../_shared/step-types/service-task.ts';
import { checkInput, checkOutput, componentOf } from './component.ts';
import { StepError } from './errors.ts';
import { callHttp } from './http-client.ts';
import type { Component, StepContext, StepHandler, StepResult } from './types.ts';

export const serviceTask: StepHandler<typeof serviceTaskType> = {
  stepType: serviceTaskType,
  async run(config, ctx): Promise<StepResult> {
    const component = componentOf(ctx, config.component, 'service_task');
    return { kind: 'completed', output: await callService(component, config.input ?? {}, ctx) };
  },
};

export async function callService(
  component: Component,
  input: unknown,
  ctx: StepContext,
): Promise<unknown> {
  if (component.endpoint === null || !URL.canParse(component.endpoint)) {
    throw new StepError('invalid_config', `${component.name} has no endpoint that can be called`);
  }
  await checkInput(component, input);
  const call = {
    method: 'POST',
    url: new URL(component.endpoint),
    headers: new Headers({
      'content-type': 'application/json',
      accept: 'application/json',
      'idempotency-key': ctx.idempotencyKey,
    }),
    body: JSON.stringify(input),
    signal: ctx.signal,
    appCode: ctx.run.app_code,
    env: ctx.env,
    timeoutMs: ctx.timeoutMs ?? component.timeout_ms,
  };
  const answer = await callHttp(call);
  await checkOutput(component, answer.body);
  return answer.body;
}
