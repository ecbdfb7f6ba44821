// The tools of an agent: what its model learns about them, and the step that runs a call. A call that cannot run has an
// error instead, which the model reads.

import { validateJson } from '../../_shared/expressions/index.ts';
import type { AgentTool } from '../../_shared/step-types/agent-tools.ts';
import { cutText } from '../../_shared/text/storable.ts';
import type { ModelTool, ToolUse } from '../models/ask.ts';
import { isRecord } from '../models/responses.ts';
import { StepError } from '../steps/errors.ts';
import type { CallError, NewCall, ToolFacts } from './types.ts';

/** Further calls of a turn do not run; the model gets an error for each. */
export const MAX_CALLS = 32;

const TITLE_CHARS = 200;
const DESCRIPTION_CHARS = 10_000;

export interface Tool extends ModelTool {
  config: AgentTool;
  facts: ToolFacts;
}

/** The names and schemas are those of the plan; the rest of the config has its templates filled in. */
export function toolsOf(
  configs: readonly AgentTool[],
  facts: readonly ToolFacts[] | undefined,
): Tool[] {
  if (configs.length === 0) return [];
  if (facts === undefined || facts.length !== configs.length) {
    throw new StepError('invalid_config', 'this agent cannot have tools');
  }
  return facts.map((fact, index) => {
    const config = configs[index] as AgentTool;
    const description = config.description ?? fact.description ?? '';
    return {
      name: fact.name,
      ...(description === '' ? {} : { description }),
      inputSchema: { type: 'object', ...fact.input_schema },
      config,
      facts: fact,
    };
  });
}

export async function toCalls(
  uses: readonly ToolUse[],
  tools: readonly Tool[],
): Promise<NewCall[]> {
  const steps = uses.map((use, index) => toStep(use, index, tools));
  return (await Promise.all(steps)).map((step, index) => {
    const { id, name, input } = uses[index] as ToolUse;
    return { id, tool: nameOf(name), input, ...step };
  });
}

/** As the protocols of the providers accept it in the history of a conversation. */
const nameOf = (name: string) => name.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 64) || 'unnamed';

type Step = Omit<NewCall, 'id' | 'tool' | 'input'>;

async function toStep(use: ToolUse, index: number, tools: readonly Tool[]): Promise<Step> {
  const refuse = (code: string, message: string, details?: object): Step => ({
    error: { code, message, ...(details === undefined ? {} : { details }) } satisfies CallError,
  });
  if (index >= MAX_CALLS) {
    return refuse('too_many_calls', `a turn has at most ${MAX_CALLS} tool calls`);
  }
  const tool = tools.find(({ name }) => name === use.name);
  if (tool === undefined) {
    const known = tools.map(({ name }) => name).join(', ');
    return refuse('unknown_tool', `there is no tool ${nameOf(use.name)}; the tools are: ${known}`);
  }
  const { target, component } = tool.facts;
  if (component === null) return refuse('unknown_component', `there is no component ${target}`);
  if (component?.is_active === false) {
    return refuse('inactive_component', `the component ${target} is not active`);
  }
  const problems = await validateJson(tool.inputSchema, use.input);
  if (problems.length > 0) {
    return refuse('invalid_input', 'the input does not match the schema of the tool', { problems });
  }
  const approval = approvalOf(tool, use.input);
  return {
    target,
    ...(approval === undefined ? {} : { approval }),
    ...(component === undefined
      ? { step_type: 'child_workflow', config: { workflow: target, input: use.input } }
      : {
          step_type: component.type,
          component_id: component.id,
          config:
            component.type === 'user_task'
              ? taskOf(tool, use.input)
              : { component: target, input: use.input },
        }),
  };
}

function approvalOf(
  { name, config, facts }: Tool,
  input: unknown,
): Record<string, unknown> | undefined {
  const { approval } = config;
  if (approval === false || (!approval && !facts.asks)) return undefined;
  return {
    title: `Approve the tool ${name}`,
    description: inputText(input),
    ...(isRecord(approval) ? given(approval) : {}),
  };
}

/** The form of a user_task component is its output schema: what the person gives to the model. */
function taskOf({ name, config, facts }: Tool, input: unknown): Record<string, unknown> {
  const form = facts.component?.output_schema;
  return {
    title: cutText(facts.description || name, TITLE_CHARS),
    description: inputText(input),
    component: facts.target,
    ...(form ? { form } : {}),
    ...given(config.task ?? {}),
  };
}

const inputText = (input: unknown) => cutText(JSON.stringify(input, null, 2), DESCRIPTION_CHARS);

/** Without the keys whose templates selected nothing. */
const given = (config: object) =>
  Object.fromEntries(
    Object.entries(config).filter(([, value]) => value !== undefined && value !== null),
  );
