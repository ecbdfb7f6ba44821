// Whether a JSON Schema describes fields: for others a person writes JSON.
import type { Json } from '../supabase.ts';

const WITH_FIELDS = ['properties', 'additionalProperties', '$ref', 'oneOf', 'anyOf', 'allOf'];

/** An object that names no field: the form has only its title, and a person could enter nothing. */
function isFreeObject(schema: Json | undefined | null): boolean {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return false;
  return schema.type === 'object' && !WITH_FIELDS.some((key) => Object.hasOwn(schema, key));
}

/** Whether the schema is of an object with at least one property for which a form has a field. */
export function isFormable(schema: Json | undefined): boolean {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return false;
  const { properties } = schema;
  if (typeof properties !== 'object' || properties === null || Array.isArray(properties)) {
    return false;
  }
  return Object.values(properties).some((each) => !isFreeObject(each));
}
