// ai_agent_task: runs an agent component. With an endpoint it is called like a service. Without one, its model gets its
// prompt and its tools; the output is the object that its output schema describes, or {text}, with usage and cost.

import { aiAgentTaskType } from '../../_shared/step-types/ai-agent-task.ts';
import { runAgent } from '../agents/agent.ts';
import { agentPrompt } from '../models/prompts.ts';
import { checkInput, componentOf } from './component.ts';
import { StepError } from './errors.ts';
import { callService } from './service-task.ts';
import type { StepHandler, StepResult } from './types.ts';

export const aiAgentTask: StepHandler<typeof aiAgentTaskType> = {
  stepType: aiAgentTaskType,
  async run(config, ctx): Promise<StepResult> {
    const component = componentOf(ctx, config.component, 'ai_agent_task');
    const input = config.input ?? {};
    if (component.endpoint !== null) {
      if (config.tools?.length) {
        throw new StepError(
          'invalid_config',
          `${component.name} has an endpoint, which uses tools by itself`,
        );
      }
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
    const system = await agentPrompt({ ...component, prompt: component.prompt }, input);
    return await runAgent({ component, config, model, system, input }, ctx);
  },
};
