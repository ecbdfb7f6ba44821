// The input of a run in words: the top-level texts, numbers and yes/no values under the titles of the input schema. What
// is nested or long stays JSON in `rest`.
import type { Json } from '../../../types/database.ts';

export interface InputFacts {
  facts: { label: string; text: string }[];
  /** The other values; undefined: there are none. */
  rest: Json | undefined;
}

const SHOWN = 12;
const LONG = 500;

const isObject = (value: unknown): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `order_id` as "Order id". */
function labelOf(name: string): string {
  const words = name.replaceAll(/[_-]+/g, ' ').replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1).toLowerCase();
}

function textOf(value: Json | null | undefined): string | undefined {
  if (typeof value === 'boolean') return value ? 'Yes' : 'No';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string' && value !== '' && value.length <= LONG) return value;
  if (Array.isArray(value) && value.length > 0 && value.length <= 10) {
    const texts = value.map((item) =>
      isObject(item) || Array.isArray(item) ? undefined : textOf(item),
    );
    return texts.every((text) => text !== undefined) ? texts.join(', ') : undefined;
  }
  return undefined;
}

export function inputFacts(input: Json | null, schema: Json | null): InputFacts {
  if (!isObject(input)) return { facts: [], rest: input ?? undefined };
  const properties = isObject(schema) && isObject(schema.properties) ? schema.properties : {};
  const facts: InputFacts['facts'] = [];
  const rest: Record<string, Json> = {};
  for (const [name, value] of Object.entries(input)) {
    const text = textOf(value);
    const property = properties[name];
    const title = isObject(property) && typeof property.title === 'string' ? property.title : '';
    if (text !== undefined && facts.length < SHOWN)
      facts.push({ label: title || labelOf(name), text });
    else if (value !== null && value !== '') rest[name] = value;
  }
  return { facts, rest: Object.keys(rest).length > 0 ? rest : undefined };
}
