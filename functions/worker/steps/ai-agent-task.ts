// ai_agent_task: runs an agent component. With an endpoint it is called like a service. Without one, its model gets its
// prompt; the output is the object that its output schema describes, or {text, usage}.

import { compileTemplate, resolveSecrets, type Scope } from '../../_shared/expressions/index.ts';
import { aiAgentTaskType } from '../../_shared/step-types/ai-agent-task.ts';
import { checkInput, componentOf } from './component.ts';
import { StepError } from './errors.ts';
import { llmCall } from './llm-call.ts';
import { callService } from './service-task.ts';
import type { Component, StepHandler, StepResult } from './types.ts';

export const aiAgentTask: StepHandler<typeof aiAgentTaskType> = {
  stepType: aiAgentTaskType,
  async run(config, ctx): Promise<StepResult> {
    const component = componentOf(ctx, config.component, 'ai_agent_task');
    const input = config.input ?? {};
    if (component.endpoint !== null) {
      return await callService(component, input, ctx);
    }
    const model = config.model ?? component.model;
    if (model === null || component.prompt === null) {
      throw new StepError(
        'invalid_config',
        `${component.name} has neither an endpoint nor a model with a prompt`,
      );
    }
    await checkInput(component, input);
    const { component: _, input: _input, ...call } = config;
    const result = await llmCall.run(
      {
        ...call,
        model,
        system: await promptOf(component.prompt, input),
        prompt: JSON.stringify(input),
        response_schema: component.output_schema,
      },
      { ...ctx, timeoutMs: ctx.timeoutMs ?? component.timeout_ms },
    );
    return result.kind === 'completed'
      ? { ...result, output: outputOf(component, result.output) }
      : result;
  },
};

/** The templates of a prompt can read the properties of the step's input. */
async function promptOf(prompt: string, input: unknown): Promise<string> {
  const template = compileTemplate(prompt);
  if (template.secrets.length > 0) {
    throw new StepError('invalid_config', 'a prompt cannot use secrets');
  }
  const names = typeof input === 'object' && input !== null ? input : {};
  const scope: Scope = { ...names, input, steps: {}, context: {}, run: null };
  const { config } = await resolveSecrets(await template.resolve(scope), () => undefined);
  return typeof config === 'string' ? config : JSON.stringify(config);
}

function outputOf(component: Component, output: unknown): unknown {
  return component.output_schema === null ? output : (output as { object: unknown }).object;
}
