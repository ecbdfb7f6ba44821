// The schemas of a component as JSON texts; an empty text is no schema.
import { JsonEditor, parseJson } from '../../shared/code/editors.tsx';
import type { Json } from '../../shared/supabase.ts';
import type { Draft } from './draft.ts';

const FIELDS = [
  {
    name: 'input_schema',
    label: 'Input schema',
    text: 'JSON Schema. A step with another input fails with invalid_input. Without a schema every input is valid.',
  },
  {
    name: 'output_schema',
    label: 'Output schema',
    text: 'JSON Schema. A response that does not match fails with invalid_output. Without a schema every output is valid.',
  },
] as const;

type Name = (typeof FIELDS)[number]['name'];
export type SchemaTexts = Readonly<Record<Name, string>>;

const textOf = (schema: Json | null): string =>
  schema === null ? '' : JSON.stringify(schema, null, 2);

export const textsOf = (draft: Draft): SchemaTexts => ({
  input_schema: textOf(draft.input_schema as Json | null),
  output_schema: textOf(draft.output_schema as Json | null),
});

/** Throws an Error that names the schema. */
export function schemasOf(texts: SchemaTexts): Pick<Draft, Name> {
  const found: Partial<Record<Name, Json | null>> = {};
  for (const { name, label } of FIELDS) {
    try {
      found[name] = texts[name].trim() === '' ? null : parseJson(texts[name]);
    } catch (error) {
      throw new Error(`${label}: ${(error as Error).message}`);
    }
  }
  return found as Pick<Draft, Name>;
}

export function SchemaFields(props: { texts: SchemaTexts; onChange(texts: SchemaTexts): void }) {
  const { texts, onChange } = props;
  return FIELDS.map(({ name, label, text }) => (
    <JsonEditor
      key={name}
      label={label}
      description={text}
      value={texts[name]}
      minHeight={110}
      maxHeight={320}
      onChange={(value) => onChange({ ...texts, [name]: value })}
    />
  ));
}
