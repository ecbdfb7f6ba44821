// defineWorkflow: a workflow in TypeScript, compiled to the JSON that the editor stores.

import { Builder, type Layout } from './builder.ts';
import { DefinitionError } from './errors.ts';
import { reference } from './expressions.ts';
import { requireWorkflowName } from './ids.ts';
import type { Definition, DefinitionNode, Json, JsonObject } from './json.ts';
import type { Expression, Ref } from './references.ts';
import { type Expressible, type InputOf, jsonSchemaOf, type Schema } from './schemas.ts';
import type { AnyStep, Predecessor, Startable, Step, StepMethods, StepOutput } from './steps.ts';

/** The arguments of `save_workflow`. */
export interface Workflow<Input = unknown, Name extends string = string, Output = unknown>
  extends Startable<Input, Output> {
  /** The name by which runs are started. */
  readonly kebab_name: Name;
  /** The name that people see. */
  readonly name?: string;
  /** What the workflow is for. */
  readonly description?: string;
  /** The steps and edges. */
  readonly definition: Definition;
  /** JSON Schema of the input of runs. */
  readonly input_schema?: JsonObject;
  /** JSON Schema of the output of runs; it is not checked. */
  readonly output_schema?: JsonObject;
}

/** The types of workflows for createStepbase: WorkflowsOf<typeof orderShipping | typeof sendInvoice>. */
export type WorkflowsOf<W extends Workflow> = {
  [One in W as One['kebab_name']]: {
    input: StartInput<One>;
    output: RunOutput<One>;
  };
};

/** The output of a run of a workflow: of its end steps, by their ids. */
export type RunOutput<W> = W extends Startable<unknown, infer Output> ? Output : unknown;

type StartInput<W> =
  W extends Startable<infer Input> ? (Input extends object ? Input : object) : never;

/** Of a list, a run has the outputs of the steps that it reached. */
type OutputOfEnds<E> = [E] extends [readonly AnyStep[]]
  ? { [S in E[number] as S['id']]?: StepOutput<S> }
  : [E] extends [AnyStep]
    ? { [S in E as S['id']]: StepOutput<S> }
    : unknown;

/** A schema of the output is more precise than the end steps, of which some have no type. */
type OutputOfRun<O extends Schema, E> = unknown extends InputOf<O> ? OutputOfEnds<E> : InputOf<O>;

/** The options of a workflow. */
export interface WorkflowOptions<S extends Schema, O extends Schema = Schema> extends Layout {
  /** The input of runs: a schema of zod, jsonSchema({ … }), or shape<T>(), which is not stored. */
  readonly input?: (S & Expressible<S>) | undefined;
  /**
   * The output of runs, an object with the output of each end step by its id: a schema as for `input`. It is stored for
   * callers, and the engine does not check it. Default: the types of the end steps that the function returns.
   */
  readonly output?: (O & Expressible<O>) | undefined;
  /** The name that people see. */
  readonly name?: string | undefined;
  /** What the workflow is for. */
  readonly description?: string | undefined;
}

/** The facts of a run that its steps can read. */
export interface RunScope {
  /** The id of the run. */
  readonly id: string;
  /** The code of the application. */
  readonly app_code: string;
  /** The name of the workflow. */
  readonly workflow: string;
  /** The number of the version. */
  readonly version: number;
  /** The id of the trace, as in W3C Trace Context. */
  readonly trace_id: string;
}

/** Adds the steps of a workflow: one method for each step type, and what steps can read. */
export type WorkflowBuilder<Input> = StepMethods & {
  /** The input of the run. */
  readonly input: Ref<Input>;
  /** The run itself. */
  readonly run: Ref<RunScope>;
  /** All outputs so far, by step id; a step that reads it loads all of them. */
  readonly context: Expression<Readonly<Record<string, unknown>>>;
  /** A secret of the application. It stands only in the config of a step type that is not stored. */
  secret(name: string): Expression<string>;
  /** Adds an edge with an id, a label or other keys of its own. */
  connect(
    from: Predecessor,
    to: AnyStep,
    more?: { readonly [key: string]: Json | undefined },
  ): void;
  /** A step as JSON: for what the typed methods do not express. */
  node<const Id extends string>(
    node: DefinitionNode & { readonly id: Id },
    options?: { readonly after?: Predecessor | readonly Predecessor[] },
  ): Step<unknown, string, Id>;
};

/**
 * Compiles the workflow that `build` describes; throws a DefinitionError if it cannot. If `build` returns the end step, or
 * a list of all end steps, the output of a run has their types, unless `output` states it.
 */
export function defineWorkflow<
  const Name extends string,
  S extends Schema<unknown> = Schema<unknown>,
  const E = unknown,
  O extends Schema<unknown> = Schema<unknown>,
>(
  kebabName: Name,
  options: WorkflowOptions<S, O>,
  build: (w: WorkflowBuilder<InputOf<S>>) => E,
): Workflow<InputOf<S>, Name, OutputOfRun<O, E>> {
  requireWorkflowName(kebabName);
  const { input, output, name, description, ...layout } = options;
  const inputSchema = input === undefined ? undefined : jsonSchemaOf(input);
  const outputSchema = output === undefined ? undefined : jsonSchemaOf(output);
  const builder = new Builder();
  const result: unknown = build({
    ...builder.methods,
    input: reference('input'),
    run: reference('run'),
    context: reference('context'),
    secret: (secret: string) => reference('secrets', secret),
  } as unknown as WorkflowBuilder<InputOf<S>>);
  if (result instanceof Promise) {
    throw new DefinitionError(
      'invalid_request',
      'the function must not be async: it adds the steps at once',
    );
  }
  return {
    kebab_name: kebabName,
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    definition: builder.definition(layout, result),
    ...(inputSchema === undefined ? {} : { input_schema: inputSchema }),
    ...(outputSchema === undefined ? {} : { output_schema: outputSchema }),
  };
}
