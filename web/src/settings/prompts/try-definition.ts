// A try-out of a prompt text that is not saved: a step that asks a model, with the variables as the input of the run.
//
// The templates of a stored prompt read its variables by name ({{ text }}). In a step they read the scope of a run, so
// each expression is wrapped: {{ input.(text) }} evaluates it with the input as its context.
import type { Json } from '../../shared/supabase.ts';

const QUOTES = '"\'`';

/** The end of the expression that begins at `start`: the `}}` outside of quotes and braces. -1 without one. */
function endOf(text: string, start: number): number {
  let depth = 0;
  let quote = '';
  for (let at = start; at < text.length; at += 1) {
    const char = text[at] ?? '';
    if (quote !== '') {
      if (char === '\\') at += 1;
      else if (char === quote) quote = '';
    } else if (QUOTES.includes(char)) quote = char;
    else if (char === '{') depth += 1;
    else if (char === '}') {
      if (depth === 0) return text[at + 1] === '}' ? at : -1;
      depth -= 1;
    }
  }
  return -1;
}

/** The text with each template read in the input of the run. A template without an end stays as it is. */
export function readInput(text: string): string {
  let result = '';
  let at = 0;
  for (let open = text.indexOf('{{'); open !== -1; open = text.indexOf('{{', at)) {
    const end = endOf(text, open + 2);
    if (end === -1) break;
    const expression = text.slice(open + 2, end).trim();
    result += `${text.slice(at, open)}{{ input.(${expression}) }}`;
    at = end + 2;
  }
  return result + text.slice(at);
}

export interface Model {
  provider: string;
  model: string;
  /** The name of the secret with the key; empty: the key of the operator. */
  secret: string;
  /** Empty: that of the provider or of the operator. */
  address: string;
}

/** What a person begins with. */
export const modelOf = (name = 'gpt-4o-mini'): Model => ({
  provider: 'openai-compatible',
  model: name,
  secret: '',
  address: '',
});

/** A step that asks the model; `texts` are the keys of its config that hold texts. */
export const askingDefinition = (texts: Record<string, Json>, given: Model): Json => {
  const { provider, model, secret, address } = given;
  const config = {
    provider,
    model,
    ...texts,
    stream: true,
    ...(address === '' ? {} : { base_url: address }),
    ...(secret === '' ? {} : { api_key: `{{ secrets.${secret} }}` }),
  };
  return { nodes: [{ id: 'ask', type: 'llm_call', data: { config } }], edges: [] };
};

export const tryDefinition = (text: string, model: Model): Json =>
  askingDefinition({ prompt: readInput(text) }, model);

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The schema of the variables together: those without a default are required. */
export function schemaOf(variables: unknown): Json {
  const properties = isFields(variables) ? variables : {};
  const required = Object.entries(properties)
    .filter(([, schema]) => !(isFields(schema) && 'default' in schema))
    .map(([name]) => name);
  return { type: 'object', properties, required } as unknown as Json;
}

/** As the worker does: variables that are left out have their defaults. */
export function withDefaults(variables: unknown, value: Json): Json {
  if (!isFields(variables) || !isFields(value)) return value;
  const defaults = Object.entries(variables).flatMap(([name, schema]) =>
    isFields(schema) && 'default' in schema && !(name in value) ? [[name, schema.default]] : [],
  );
  return { ...Object.fromEntries(defaults), ...value } as Json;
}
