// A draft that a person wrote as JSON.
import type { Json } from '../../../../types/database.ts';
import { type Definition, type Draft, definitionFault, isObject } from './definition.ts';

/** Reads `{definition, input_schema}`, or a definition alone. */
export function draftIn(parsed: Json, known: Draft): Draft | string {
  if (!isObject(parsed)) return 'Write an object with definition and input_schema.';
  const definition = parsed.definition ?? parsed;
  const fault = definitionFault(definition);
  if (fault !== undefined) return fault;
  const schema =
    parsed.definition === undefined ? known.inputSchema : (parsed.input_schema ?? null);
  if (schema !== null && !isObject(schema)) return 'input_schema must be an object or null.';
  return { definition: definition as Definition, inputSchema: schema };
}
