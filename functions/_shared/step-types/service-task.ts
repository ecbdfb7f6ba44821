// service_task: calls the endpoint of a component, which has a time limit of its own.

import { componentConfig } from './config.ts';
import { ATTEMPT_TIMEOUT_MS, defineStepType } from './define.ts';

export const serviceTaskType = defineStepType({
  name: 'service_task',
  label: 'Service task',
  description: 'Runs a service component.',
  icon: 'box',
  color: '#2563eb',
  category: 'component',
  config: componentConfig,
  rawKeys: {},
  urlKeys: [],
  handles: [],
  defaultTimeoutMs: ATTEMPT_TIMEOUT_MS,
  deadlineKeys: [],
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
