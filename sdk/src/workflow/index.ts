// Workflows, components and schedules in TypeScript: defineWorkflow compiles a workflow to a definition, decompile writes a
// definition as code.

export { type Component, type ComponentOptions, defineComponent } from './components.ts';
export { type DecompileOptions, decompile, type StoredWorkflow } from './decompile/decompile.ts';
export type {
  RunOutput,
  RunScope,
  Workflow,
  WorkflowBuilder,
  WorkflowOptions,
  WorkflowsOf,
} from './define.ts';
export { defineWorkflow } from './define.ts';
export { DefinitionError } from './errors.ts';
export { expr, template } from './expressions.ts';
export type { Definition, DefinitionEdge, DefinitionNode, Json } from './json.ts';
export type { FromSchema } from './json-schema-types.ts';
export type { Data, Expression, Ref, Templated } from './references.ts';
export { defineSchedule, type Schedule } from './schedules.ts';
export { jsonSchema, type Schema, shape } from './schemas.ts';
export type { RetryPolicy, StepConfigs, StepHandles, StepOutputs } from './step-types.ts';
export type * from './steps.ts';
