// What an application sees beside its own rows: definitions that others share, step types and look-up tables.
import { z } from 'zod';
import { equal } from '../lists.ts';
import { type Resource, statement } from '../operation.ts';
import { readOnlyList } from '../read-only-list.ts';
import { LOOKUPS, type Lookup, readLookup } from '../resource-queries.ts';
import { named } from '../rows.ts';

const LookupValues = named('LookupValues', () =>
  z.object({
    items: z.array(
      z
        .looseObject({
          name: z.string().describe('The value in other tables.'),
          label: z.string().optional().describe('The value for people; error codes have `title`.'),
          description: z.string().optional(),
          icon: z.string().optional(),
          color: z.string().optional(),
          ordinal: z.number().int(),
        })
        .describe('A row of the table, with the columns that only this table has.'),
    ),
  }),
);

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
    statement(
      {
        id: 'getLookup',
        method: 'GET',
        path: '/v1/lookups/:lookup',
        title: 'Read a look-up table',
        permission: 'caller',
        description:
          'Returns the values that a column can have (statuses, types, roles, error codes), in their order, with labels, icons and colors.',
        params: { lookup: z.enum(LOOKUPS) },
        replies: { 200: { description: '`{items}`', schema: LookupValues } },
        errors: [],
      },
      async (query, { params }) => ({
        body: { items: await readLookup(query, params.lookup as Lookup) },
      }),
    ),
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
