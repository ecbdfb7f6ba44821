// JSON values, and the definition of a workflow as Stepbase stores it.

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
  readonly id: string;
  readonly type: string;
  readonly [key: string]: Json | undefined;
}

export interface DefinitionEdge {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly [key: string]: Json | undefined;
}

/** What `save_workflow` stores and the editor draws. */
export interface Definition {
  readonly nodes: readonly DefinitionNode[];
  readonly edges: readonly DefinitionEdge[];
  readonly [key: string]: Json | undefined;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
