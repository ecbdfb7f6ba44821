// The types of the workflows of an application, by their names. Without them, input and output are unknown.

/** The types of one workflow. */
export interface WorkflowTypes {
  /** The input of its runs. */
  input?: object;
  /** The outputs of the end steps, by step id. */
  output?: unknown;
  /** The payloads of its signals, by name. */
  signals?: object;
  /** The answers of its queries, by name. */
  queries?: object;
}

/** The constraint of the type argument of `createStepbase`. */
export type Workflows<W> = { [Name in keyof W]: WorkflowTypes };

/** Without types: each name is allowed, each input is an object. */
export interface UntypedWorkflow {
  /** Each object is allowed. */
  input: object;
  /** Not known. */
  output: unknown;
  /** Each name and payload is allowed. */
  signals: Record<string, unknown>;
  /** Each name is allowed. */
  queries: Record<string, unknown>;
}
/** The types of `createStepbase` without a type argument. */
export type UntypedWorkflows = Record<string, UntypedWorkflow>;

export type NameOf<W> = keyof W & string;
export type InputOf<T> = T extends { input: infer Input } ? Input : Record<string, never>;
export type OutputOf<T> = T extends { output: infer Output } ? Output : unknown;

type Member<T, Key extends string> = T extends { [K in Key]: infer Value } ? Value : never;
export type SignalsOf<T> = Member<T, 'signals'>;
export type QueriesOf<T> = Member<T, 'queries'> & BuiltInQueries;

interface BuiltInQueries {
  status: unknown;
  context: unknown;
  steps: unknown;
}
