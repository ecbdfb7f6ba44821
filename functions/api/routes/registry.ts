// What workflows are built from and into: components, prompts, projects, compilations, and the signals, queries and
// children of a workflow.
import { z } from 'zod';
import { rotateComponentSecret } from '../component-queries.ts';
import { ofWorkflow, VISIBILITIES, Visibility } from '../components.ts';
import { crud } from '../crud.ts';
import { equal } from '../lists.ts';
import { type Resource, statement } from '../operation.ts';
import { named } from '../rows.ts';

export const ComponentRotateBody = z.strictObject({
  overlap_seconds: z
    .number()
    .int()
    .min(0)
    .max(604_800)
    .default(0)
    .describe('How long calls are signed with the earlier secrets, too.'),
});
const ComponentSecret = named('ComponentSecret', () =>
  z.object({
    id: z.uuid(),
    secret: z.string().describe('Signs the calls of the component. It is returned only here.'),
  }),
);

const rotate = statement(
  {
    id: 'rotateComponentSecret',
    method: 'POST',
    path: '/v1/components/:component_id/rotate',
    title: 'Rotate the secret of a component',
    permission: 'component:write',
    description:
      'Creates the secret that signs the calls of the component, or replaces it, and returns it. For `overlap_seconds` calls have a signature by both secrets. Until the overlap of the last rotation ends, another one with an overlap is a `conflict`. Calls of a component without a secret are not signed.',
    body: ComponentRotateBody,
    idempotency: 'secret',
    replies: { 200: { description: '`{id, secret}`', schema: ComponentSecret } },
    errors: ['not_found', 'conflict'],
  },
  async (query, { params: { component_id: id = '' }, body }) => ({
    body: await rotateComponentSecret(query, id, body.overlap_seconds),
  }),
);

export const COMPONENT_RESOURCE: Resource = {
  name: 'Components',
  description: 'Reusable steps.',
  operations: [
    ...crud({
      table: 'components',
      path: '/v1/components',
      param: 'component_id',
      component: 'Component',
      one: 'component',
      many: 'components',
      permissions: { read: 'component:read', write: 'component:write' },
      sorts: ['created_at', 'name'],
      filters: {
        name: equal('components', 'name'),
        visibility: equal('components', 'visibility', VISIBILITIES),
        implementation_type: equal('components', 'implementation_type'),
        is_active: equal('components', 'is_active'),
        deprecated: equal('components', 'deprecated'),
      },
      overrides: {
        visibility: Visibility,
        component_type: z.string().max(100),
        implementation_type: z.enum(['user_task', 'service_task', 'ai_agent_task']),
        retry_count: z.number().int().min(0).max(100),
      },
      notes: {
        list: 'Lists the components of the application and those that every application shares.',
        delete:
          'Marks the component as deleted: new versions of workflows cannot use it, and steps that use it fail. Its name and version stay taken.',
      },
      isKept: true,
    }),
    rotate,
  ],
};

export const PROMPT_RESOURCE: Resource = {
  name: 'Prompts',
  description: 'Versioned prompts of steps that call a language model.',
  operations: crud({
    table: 'agent_prompts',
    path: '/v1/prompts',
    param: 'prompt_id',
    component: 'Prompt',
    one: 'prompt',
    many: 'prompts',
    permissions: { read: 'prompt:read', write: 'prompt:write' },
    sorts: ['created_at', 'name'],
    filters: {
      name: equal('agent_prompts', 'name'),
      visibility: equal('agent_prompts', 'visibility', VISIBILITIES),
      deprecated: equal('agent_prompts', 'deprecated'),
    },
    overrides: { visibility: Visibility },
    isKept: true,
  }),
};

export const PROJECT_RESOURCE: Resource = {
  name: 'Projects',
  description: 'Groups of workflows.',
  operations: crud({
    table: 'projects',
    path: '/v1/projects',
    param: 'project_id',
    component: 'Project',
    one: 'project',
    many: 'projects',
    permissions: { read: 'project:read', write: 'project:write' },
    sorts: ['created_at', 'name'],
    filters: { is_active: equal('projects', 'is_active') },
    overrides: { name: z.string().min(1).max(255) },
    isKept: true,
  }),
};

export const COMPILATION_RESOURCE: Resource = {
  name: 'Compilations',
  description: 'Versions that were compiled to TypeScript projects for Temporal.',
  operations: crud({
    table: 'workflow_compilations',
    path: '/v1/compilations',
    param: 'compilation_id',
    component: 'Compilation',
    one: 'compilation',
    many: 'compilations',
    permissions: { read: 'workflow:read', write: 'workflow:publish' },
    sorts: ['-compiled_at'],
    filters: {
      workflow_version_id: equal('workflow_compilations', 'workflow_version_id'),
      is_active: equal('workflow_compilations', 'is_active'),
    },
    notes: {
      create:
        'Stores a compilation of a version. A version has at most one with `is_active`; the code of a compilation cannot change.',
    },
  }),
};

const FLOW_KINDS = [
  'concurrency',
  'throttle',
  'rate_limit',
  'debounce',
  'batch',
  'priority',
] as const;

const parts = { read: 'workflow:read', write: 'workflow:write' };

export const WORKFLOW_PARTS_RESOURCE: Resource = {
  name: 'Signals, queries and children',
  description: 'The interface of a workflow towards clients and other workflows.',
  operations: [
    ...crud({
      table: 'workflow_signals',
      path: '/v1/workflow-signals',
      param: 'signal_id',
      component: 'WorkflowSignal',
      one: 'workflow signal',
      many: 'workflow signals',
      permissions: parts,
      sorts: ['created_at'],
      filters: { workflow: ofWorkflow, signal_name: equal('workflow_signals', 'signal_name') },
    }),
    ...crud({
      table: 'workflow_queries',
      path: '/v1/workflow-queries',
      param: 'query_id',
      component: 'WorkflowQuery',
      one: 'workflow query',
      many: 'workflow queries',
      permissions: parts,
      sorts: ['created_at'],
      filters: { workflow: ofWorkflow, query_name: equal('workflow_queries', 'query_name') },
    }),
    ...crud({
      table: 'workflow_children',
      path: '/v1/workflow-children',
      param: 'child_id',
      component: 'WorkflowChild',
      one: 'workflow child',
      many: 'workflow children',
      permissions: parts,
      sorts: ['created_at'],
      filters: {
        parent_workflow_id: equal('workflow_children', 'parent_workflow_id'),
        child_workflow_id: equal('workflow_children', 'child_workflow_id'),
      },
      overrides: { parent_close_policy: z.enum(['terminate', 'abandon', 'request_cancel']) },
    }),
  ],
};

export const FLOW_CONTROL_RESOURCE: Resource = {
  name: 'Flow controls',
  description:
    'Rules of a workflow on when its runs start: see [Flow control](../guides/flow-control.md).',
  operations: crud({
    table: 'workflow_flow_controls',
    path: '/v1/flow-controls',
    param: 'flow_control_id',
    component: 'FlowControl',
    one: 'flow control',
    many: 'flow controls',
    permissions: parts,
    sorts: ['created_at'],
    filters: { workflow: ofWorkflow, kind: equal('workflow_flow_controls', 'kind', FLOW_KINDS) },
    overrides: { kind: z.enum(FLOW_KINDS) },
    notes: {
      create:
        'Adds a rule to a workflow, which has at most one of each kind. It applies to runs that wait, too.',
      change: 'Changes the options of the rule. It applies to runs that wait, too.',
      delete: 'Removes the rule. The runs that it holds back may start.',
    },
  }),
};
