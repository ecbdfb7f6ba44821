// A draft that a person wrote as JSON.
import type { Json } from '../../../../types/database.ts';
import { type Definition, type Draft, definitionFault, isObject } from './definition.ts';

/** Reads `{definition, input_schema, output_schema}`, or a definition alone, which keeps the known schemas. */
export function draftIn(parsed: Json, known: Draft): Draft | string {
  if (!isObject(parsed)) return 'Write an object with definition, input_schema and output_schema.';
  const definition = parsed.definition ?? parsed;
  const fault = definitionFault(definition);
  if (fault !== undefined) return fault;
  if (parsed.definition === undefined) return { ...known, definition: definition as Definition };
  const { input_schema: input = null, output_schema: output = null } = parsed;
  if (input !== null && !isObject(input)) return 'input_schema must be an object or null.';
  if (output !== null && !isObject(output)) return 'output_schema must be an object or null.';
  return { definition: definition as Definition, inputSchema: input, outputSchema: output };
}
