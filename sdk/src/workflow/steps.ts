// The types of steps: what a method such as w.httpRequest takes, and what a later step can read and follow of it.

import type { Json } from './json.ts';
import type { Data, Expression, Ref, Templated, TemplatedObject } from './references.ts';
import type { Schema } from './schemas.ts';
import type {
  RetryPolicy,
  STEP_TYPES,
  StepConfigs,
  StepHandles,
  StepOutputs,
} from './step-types.ts';

/** The name of a step type, such as `http_request`. */
export type StepType = keyof StepConfigs;

/** The error of a step that failed and whose failure is handled. */
export interface StepError {
  /** A stable code, such as `http_client_error`. */
  readonly code: string;
  /** A sentence for people; it can change. */
  readonly message: string;
  /** Further facts; which ones follows from the code. */
  readonly details?: unknown;
}

declare const isBranch: unique symbol;

/** An outcome of a step, to be followed by `after`. */
export interface Branch {
  readonly [isBranch]: true;
}

/** Handles that every step has. */
type CommonHandle = 'error' | 'timeout';

declare const outputType: unique symbol;

/** A step of a workflow. */
export interface Step<
  Output = unknown,
  Handle extends string = string,
  Id extends string = string,
> {
  /** The id of the step in the workflow. */
  readonly id: Id;
  /** Exists in types only. */
  readonly [outputType]?: () => Output;
  /** The output, as an expression. */
  readonly output: Ref<Output>;
  /** Where a failure is handled: by `.on('error')`, `.on('timeout')` or `on_error: 'continue'`. */
  readonly error: Ref<StepError>;
  /** The edge that is taken for this outcome only. */
  on(handle: Handle | CommonHandle): Branch;
  /** Continues behind each outcome; a missing one does not compile. Null: nothing follows it. */
  match<const Cases extends MatchCases<Handle>>(cases: Cases): MatchResults<Cases>;
}

type Case = ((branch: Branch) => unknown) | null;

/** `default` takes the values of a condition that no other case takes. */
type MatchCases<Handle extends string> =
  | ({ readonly [H in Exclude<Handle, CommonHandle | 'default'>]: Case } & {
      readonly [H in CommonHandle | Extract<Handle, 'default'>]?: Case;
    })
  | ('default' extends Handle
      ? { readonly [H in Handle | CommonHandle]?: Case } & { readonly default: Case }
      : never);

type MatchResults<Cases> = {
  readonly [K in keyof Cases]: Cases[K] extends (branch: Branch) => infer Result
    ? Result
    : undefined;
};

/** A step with some output and some handles. */
export interface AnyStep {
  /** The id of the step in the workflow. */
  readonly id: string;
  /** The edge that is taken for this outcome only. */
  on(handle: never): Branch;
}

/** The type of the output of a step. */
export type StepOutput<S> = S extends { readonly [outputType]?: () => infer Output }
  ? Output
  : unknown;

/** A step or an outcome that comes before. */
export type Predecessor = Branch | AnyStep;

/** The options of a step besides its config. */
export interface StepOptions<Output> {
  /** The name that people see. */
  readonly label?: string | undefined;
  /** The steps and outcomes that lead here. Without it, those whose outputs the config reads. */
  readonly after?: Predecessor | readonly Predecessor[] | undefined;
  /** With several incoming edges: when the step starts. */
  readonly join?: 'all' | 'any' | undefined;
  /** Attempts after a failure; default: those of the step type. */
  readonly retry?: RetryPolicy | undefined;
  /** Time limit of an attempt. */
  readonly timeout_ms?: number | undefined;
  /** `continue`: a failure does not fail the run, and later steps can read `error`; default: `fail`. */
  readonly on_error?: 'fail' | 'continue' | undefined;
  /** The step that reverses this one if the run does not complete. */
  readonly compensate?: ((scope: CompensationScope<Output>) => Compensation) | undefined;
  /** Other keys of the node: position, width, style, and those that begin with x-. */
  readonly canvas?: Canvas | undefined;
  /** Your own data of the step, which has no effect. */
  readonly [own: `x-${string}`]: Json | undefined;
}

/** Keys of a node that only the canvas reads. */
export interface Canvas {
  /** Where the step stands, in pixels; default: a layout from left to right. */
  readonly position?: { readonly x: number; readonly y: number } | undefined;
  /** Further keys of React Flow. */
  readonly [key: string]: Json | undefined;
}

interface OutputOption<Output> {
  /** The type of the data that the step outputs, as a schema or shape<T>(); it is not stored. */
  readonly output?: Schema<Output> | undefined;
}

declare const isInner: unique symbol;

/** A step without an id: of a for_each or a compensation. */
export interface InnerStep<Output = unknown> {
  readonly [isInner]: Output;
}

declare const isCompensation: unique symbol;

/** The step that reverses another one. */
export interface Compensation {
  readonly [isCompensation]: true;
}

/** What the step that reverses another one can read, and what it can be. */
export interface CompensationScope<Output> {
  /** The output of the step that is reversed. */
  readonly output: Ref<Output>;
  /** The steps that can reverse another one. */
  readonly step: CompensationSteps;
}

/** The options of a step that reverses another one. */
export interface CompensationOptions {
  /** Attempts after a failure. */
  readonly retry?: RetryPolicy | undefined;
  /** Time limit of an attempt, in milliseconds. */
  readonly timeout_ms?: number | undefined;
  /** `continue`: a failure is not listed in the error of the run; default: `fail`. */
  readonly on_error?: 'fail' | 'continue' | undefined;
}

/** What the step of a for_each can read, and what it can be. */
export interface ItemScope<Item> {
  /** The item. */
  readonly item: Ref<Item>;
  /** From 0. */
  readonly index: Ref<number>;
  /** The steps that can stand in a for_each. */
  readonly step: ItemSteps;
}

/** The name of a method: http_request is httpRequest. */
type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

/** The output of a step type whose data `output` describes. */
type OutputWith<Type extends StepType, Output> = Type extends 'http_request' | 'webhook'
  ? Omit<StepOutputs[Type], 'body'> & { body: Output }
  : Output;

/** Step types whose data the type does not know. */
type OpenType =
  | 'http_request'
  | 'webhook'
  | { [T in StepType]: unknown extends StepOutputs[T] ? T : never }[StepType];

/** An expression key takes bare JSONata. */
interface ExpressionConfig<Value> {
  readonly expression: Expression<Value> | string;
}

/** The value of a condition chooses the handle. */
type HandleOf<Value> = [Value] extends [never]
  ? string
  : unknown extends Value
    ? string
    : Value extends boolean
      ? `${Value}`
      : Value extends ''
        ? 'false'
        : Value extends string
          ? Value
          : Value extends number
            ? `${Value}`
            : Value extends null | undefined
              ? 'false'
              : 'true' | 'false';

/** The output of bare JSONata without a type. */
type ValueOf<Value> = [Value] extends [never] ? unknown : Value;

type UserTaskConfig<Form> = Omit<TemplatedObject<StepConfigs['user_task']>, 'form'> & {
  /** JSON Schema of the answer. */
  readonly form?: Schema<Form> | Data;
};

type WithoutResponse<Config> = Config extends unknown ? Omit<Config, 'response_schema'> : never;

type LlmCallConfig<Answer> = WithoutResponse<TemplatedObject<StepConfigs['llm_call']>> & {
  /** JSON Schema of the answer. */
  readonly response_schema?: Schema<Answer> | Data;
};

type LlmOutput<Answer> = StepOutputs['llm_call'] &
  (unknown extends Answer ? unknown : { object: Answer });

declare const inputType: unique symbol;

declare const resultType: unique symbol;

/** A workflow, as far as a child step needs it. */
export interface Startable<Input = unknown, Output = unknown> {
  /** The name of the workflow. */
  readonly kebab_name: string;
  /** Exists in types only. */
  readonly [inputType]?: () => Input;
  /** Exists in types only. */
  readonly [resultType]?: () => Output;
}

type ChildConfig<Input> = Omit<
  TemplatedObject<StepConfigs['child_workflow']>,
  'workflow' | 'input'
> &
  (
    | { readonly workflow: string | Expression<string>; readonly input?: Data }
    | { readonly workflow: Startable<Input>; readonly input: Templated<Input> }
  );

/** A child that is a workflow of defineWorkflow and is waited for: its output has the type of the end steps. */
type TypedChildConfig<Input, Output> = Omit<
  TemplatedObject<StepConfigs['child_workflow']>,
  'workflow' | 'input' | 'wait'
> & {
  readonly workflow: Startable<Input, Output>;
  readonly input: Templated<Input>;
  readonly wait?: true;
};

type ForEachConfig<Item, Output> = {
  readonly items: Expression<readonly Item[]> | readonly (Expression<Item> | Item)[];
  /** How many items run at a time. */
  readonly concurrency?: Templated<number | undefined>;
  readonly step: (scope: ItemScope<Item>) => InnerStep<Output>;
};

/** Methods of step types whose output or handles follow from the config. */
interface SpecialMethods {
  condition: <Value = unknown, const Id extends string = string>(
    id: Id,
    config: ExpressionConfig<Value>,
    options?: StepOptions<ValueOf<Value>>,
  ) => Step<ValueOf<Value>, HandleOf<Value> | 'default', Id>;
  transform: <Value = unknown, const Id extends string = string>(
    id: Id,
    config: ExpressionConfig<Value>,
    options?: StepOptions<ValueOf<Value>> & OutputOption<Value>,
  ) => Step<ValueOf<Value>, never, Id>;
  user_task: <Form = unknown, const Id extends string = string>(
    id: Id,
    config: UserTaskConfig<Form>,
    options?: StepOptions<Form> & OutputOption<Form>,
  ) => Step<Form, StepHandles['user_task'], Id>;
  llm_call: <Answer = unknown, const Id extends string = string>(
    id: Id,
    config: LlmCallConfig<Answer>,
    options?: StepOptions<LlmOutput<Answer>>,
  ) => Step<LlmOutput<Answer>, never, Id>;
  child_workflow: {
    <Input, Output, const Id extends string = string>(
      id: Id,
      config: TypedChildConfig<Input, Output>,
      options?: StepOptions<Output>,
    ): Step<Output, never, Id>;
    <Input = unknown, Output = unknown, const Id extends string = string>(
      id: Id,
      config: ChildConfig<Input>,
      options?: StepOptions<Output> & OutputOption<Output>,
    ): Step<Output, never, Id>;
  };
  for_each: <Item = unknown, Output = unknown, const Id extends string = string>(
    id: Id,
    config: ForEachConfig<Item, Output>,
    options?: StepOptions<Output[]> & OutputOption<Output[]>,
  ) => Step<Output[], never, Id>;
}

type OpenMethod<Type extends StepType> = <Output = unknown, const Id extends string = string>(
  id: Id,
  config: TemplatedObject<StepConfigs[Type]>,
  options?: StepOptions<OutputWith<Type, Output>> & OutputOption<Output>,
) => Step<OutputWith<Type, Output>, StepHandles[Type], Id>;

type ClosedMethod<Type extends StepType> = <const Id extends string = string>(
  id: Id,
  config: TemplatedObject<StepConfigs[Type]>,
  options?: StepOptions<StepOutputs[Type]>,
) => Step<StepOutputs[Type], StepHandles[Type], Id>;

/** w.httpRequest, w.transform …: one method for each step type. */
export type StepMethods = {
  readonly [Type in StepType as CamelCase<Type>]: Type extends keyof SpecialMethods
    ? SpecialMethods[Type]
    : Type extends OpenType
      ? OpenMethod<Type>
      : ClosedMethod<Type>;
};

interface SpecialInnerConfigs {
  transform: ExpressionConfig<unknown>;
  user_task: UserTaskConfig<unknown>;
  llm_call: LlmCallConfig<unknown>;
}

type InnerConfig<Type extends StepType> = Type extends keyof SpecialInnerConfigs
  ? SpecialInnerConfigs[Type]
  : TemplatedObject<StepConfigs[Type]>;

type InnerTypes<Fact extends 'inForEach' | 'inCompensation'> = {
  [Type in StepType]: (typeof STEP_TYPES)[Type][Fact] extends true ? Type : never;
}[StepType];

/** The steps that can stand in a for_each. */
export type ItemSteps = {
  readonly [Type in InnerTypes<'inForEach'> as CamelCase<Type>]: Type extends 'child_workflow'
    ? {
        <Input, Output>(config: TypedChildConfig<Input, Output>): InnerStep<Output>;
        <Input = unknown, Output = unknown>(
          config: ChildConfig<Input>,
          options?: OutputOption<Output>,
        ): InnerStep<Output>;
      }
    : Type extends OpenType
      ? <Output = unknown>(
          config: InnerConfig<Type>,
          options?: OutputOption<Output>,
        ) => InnerStep<OutputWith<Type, Output>>
      : (config: InnerConfig<Type>) => InnerStep<StepOutputs[Type]>;
};

/** The steps that can reverse another one. */
export type CompensationSteps = {
  readonly [Type in InnerTypes<'inCompensation'> as CamelCase<Type>]: (
    config: InnerConfig<Type>,
    options?: CompensationOptions,
  ) => Compensation;
};
