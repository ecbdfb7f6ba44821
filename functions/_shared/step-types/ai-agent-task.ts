// ai_agent_task: runs an agent component, which has a time limit of its own, and may call tools.

import { agentFields } from './agent-tools.ts';
import { componentConfig } from './config.ts';
import { ATTEMPT_TIMEOUT_MS, defineStepType } from './define.ts';
import { callFields, modelFields } from './model-config.ts';

export const aiAgentTaskType = defineStepType({
  name: 'ai_agent_task',
  label: 'AI agent task',
  description: 'Runs an agent component, with tools.',
  icon: 'sparkles',
  color: '#7c3aed',
  category: 'component',
  config: componentConfig.extend({
    ...callFields,
    /** Instead of the model of the component. */
    model: modelFields.model.nullish(),
    ...agentFields,
  }),
  rawKeys: {},
  urlKeys: [],
  handles: [],
  defaultTimeoutMs: ATTEMPT_TIMEOUT_MS,
  deadlineKeys: ['deadline_ms'],
  waitKind: null,
  isComponent: true,
  isActivity: true,
  mayUseSecrets: true,
  isPure: false,
  isBrief: false,
  hasRetryableErrors: true,
  allowedInForEach: true,
  allowedInCompensation: true,
});
