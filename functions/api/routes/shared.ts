// What an application sees beside its own rows: definitions that others share, and step types.
import { equal } from '../lists.ts';
import type { Resource } from '../operation.ts';
import { readOnlyList } from '../read-only-list.ts';

export const SHARED_RESOURCE: Resource = {
  name: 'Shared definitions and step types',
  description: 'What workflows can be built from, beside what the application owns.',
  operations: [
    readOnlyList({
      id: 'listStepTypes',
      path: '/v1/step-types',
      title: 'List step types',
      permission: 'member',
      description: 'Lists the types of steps, each with the JSON Schema of its config.',
      component: 'StepType',
      list: { table: 'step_types', key: ['name'], sorts: ['ordinal'] },
    }),
    readOnlyList({
      id: 'listSharedWorkflows',
      path: '/v1/shared/workflows',
      title: 'List shared workflows',
      permission: 'workflow:read',
      description: 'Lists the published versions of workflows that other applications share.',
      component: 'SharedWorkflow',
      list: {
        table: 'shared_workflows',
        key: ['workflow_id'],
        sorts: ['name'],
        filters: { app_code: equal('shared_workflows', 'app_code') },
      },
    }),
    readOnlyList({
      id: 'listSharedComponents',
      path: '/v1/shared/components',
      title: 'List shared components',
      permission: 'component:read',
      description: 'Lists the components that other applications share.',
      component: 'SharedComponent',
      list: {
        table: 'shared_components',
        key: ['component_id'],
        sorts: ['name'],
        filters: { app_code: equal('shared_components', 'app_code') },
      },
    }),
    readOnlyList({
      id: 'listSharedPrompts',
      path: '/v1/shared/prompts',
      title: 'List shared prompts',
      permission: 'prompt:read',
      description: 'Lists the prompts that other applications share.',
      component: 'SharedPrompt',
      list: {
        table: 'shared_prompts',
        key: ['prompt_id'],
        sorts: ['name'],
        filters: { app_code: equal('shared_prompts', 'app_code') },
      },
    }),
  ],
};
