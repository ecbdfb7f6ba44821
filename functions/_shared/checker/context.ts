// What the checker knows beside the definition: the schemas that the database has. Without one, what depends on it is not
// checked.

import type { Json } from './json.ts';

export interface CheckContext {
  /** JSON Schema of the input of runs. */
  inputSchema?: Json | undefined;
  /** JSON Schemas of the payloads of signals, by the name of the signal. */
  signals?: Readonly<Record<string, Json>> | undefined;
  /** Input schemas of the workflows that steps start, by the name that the steps use. */
  children?: Readonly<Record<string, Json>> | undefined;
  /** Output schemas of components, by the reference that the steps use. */
  components?: Readonly<Record<string, Json>> | undefined;
  /** References of steps to prompts that are deprecated. */
  deprecatedPrompts?: readonly string[] | undefined;
}
