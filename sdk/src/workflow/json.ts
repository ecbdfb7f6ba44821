// JSON values, and the definition of a workflow as Stepbase stores it.

/** A value of JSON. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

export type JsonObject = { readonly [key: string]: Json | undefined };

/** A step: a node of React Flow, with `data` for the engine. */
export interface DefinitionNode {
  /** Unique in the workflow; expressions name the step by it. */
  readonly id: string;
  /** The step type, such as `http_request`. */
  readonly type: string;
  /** `data` has config, retry and further settings; other keys are those of the canvas. */
  readonly [key: string]: Json | undefined;
}

/** An edge of React Flow: the target follows the source. */
export interface DefinitionEdge {
  /** Unique in the workflow. */
  readonly id: string;
  /** The id of the step that comes before. */
  readonly source: string;
  /** The id of the step that follows. */
  readonly target: string;
  /** `sourceHandle` is the outcome that the edge is for; other keys are those of the canvas. */
  readonly [key: string]: Json | undefined;
}

/** What `save_workflow` stores and the editor draws. */
export interface Definition {
  /** The steps. */
  readonly nodes: readonly DefinitionNode[];
  /** The edges between them. */
  readonly edges: readonly DefinitionEdge[];
  /** Other keys are those of the canvas, such as `viewport`. */
  readonly [key: string]: Json | undefined;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
