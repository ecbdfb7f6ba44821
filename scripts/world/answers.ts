// Values that a sample model answers with. Words of the question choose among the values that a JSON Schema allows, so
// an answer depends on the question and is the same every time.

/** The keywords that the sample models read. */
export interface Schema {
  type?: string;
  format?: string;
  enum?: unknown[];
  properties?: Record<string, Schema>;
  items?: Schema;
  minItems?: number;
  minimum?: number;
  maximum?: number;
}

/** Words of a question that select a value although its name is not among them. */
const hints: Readonly<Record<string, RegExp>> = {
  complaint: /broken|late|waiting|money back|refund|where is|urgent/i,
  question: /\?/,
  praise: /thank|lovely|great|perfect/i,
  negative: /broken|bad|angry|late/i,
  positive: /thank|lovely|great/i,
};

export function words(text: string): number {
  return text.split(/\s+/).filter((word) => word !== '').length;
}

type Write = (question: string, name: string) => string;

/** `name`: of the value, such as the property that it is for. `write`: makes a text that no schema describes. */
export function invent(
  schema: Schema,
  question: string,
  name: string,
  write: Write = quote,
): unknown {
  if (schema.enum !== undefined) return choose(schema.enum, question);
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([key, part]) => [
          key,
          invent(part, question, key, write),
        ]),
      );
    case 'array':
      return Array.from({ length: Math.max(schema.minItems ?? 1, 1) }, () =>
        invent(schema.items ?? { type: 'string' }, question, name, write),
      );
    case 'boolean':
      return new RegExp(`\\b${name}`, 'i').test(question);
    case 'integer':
    case 'number': {
      const low = schema.minimum ?? 0;
      const high = schema.maximum ?? low + 100;
      return low + (words(question) % (Math.floor(high - low) + 1));
    }
    case 'null':
      return null;
    default:
      if (schema.format === 'email') return emailIn(question) ?? 'ada@customer.example';
      return write(question, name);
  }
}

const quote: Write = (question, name) => `${name}: ${question.slice(0, 80)}`;

export const emailIn = (text: string): string | undefined =>
  /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/.exec(text)?.[0];

/** The value that the question mentions most; without a mention, the length of the question decides. */
export function choose(values: readonly unknown[], question: string): unknown {
  let best: unknown;
  let most = 0;
  for (const value of values) {
    if (typeof value !== 'string') continue;
    const hint = hints[value]?.source ?? value.replace(/\W+/g, '\\W+');
    const found = question.match(new RegExp(hint, 'gi'))?.length ?? 0;
    if (found > most) {
      most = found;
      best = value;
    }
  }
  return best ?? values[words(question) % values.length];
}
