// What the page and the web worker of expressions say to each other.
import type { Json } from '../../../../types/database.ts';

export interface Scope {
  input: Json;
  steps: Readonly<Record<string, { output: Json }>>;
  context: Readonly<Record<string, Json>>;
  run: Json;
  item?: Json;
  index?: number;
}

export type Question =
  | { kind: 'expression'; source: string; scope: Scope }
  /** `config`: any JSON with templates. */
  | { kind: 'template'; config: Json; urlKeys?: readonly string[]; scope: Scope }
  /** The JSON Schemas of the outputs of all steps, as far as they are known. */
  | { kind: 'outputs'; definition: Json };

export type Reply =
  | { ok: true; value: Json | undefined }
  | { ok: false; message: string; code: string; position?: number };
