// The start that the form describes, as code of the SDK, supabase-js or curl.
import type { StartArguments } from './options.ts';

export const LANGUAGES = [
  { value: 'sdk', label: 'SDK', language: 'javascript' },
  { value: 'supabase', label: 'supabase-js', language: 'javascript' },
  { value: 'curl', label: 'curl', language: 'text' },
] as const;

export type Language = (typeof LANGUAGES)[number]['value'];

export interface Start {
  workflow: string;
  /** The text of a JSON value. */
  input: string;
  options: StartArguments;
  /** The address of the HTTP API. */
  api: string;
}

const indented = (value: string, by: string) => value.replaceAll('\n', `\n${by}`);

/** The members of an object in JavaScript, one a line. */
function members(entries: readonly (readonly [string, string])[], by: string): string {
  return entries.map(([key, value]) => `${by}${key}: ${indented(value, by)},\n`).join('');
}

const SDK_NAMES: Readonly<Record<string, string>> = {
  idempotency_key: 'idempotencyKey',
  start_at: 'startAt',
};

const quoted = (value: string) => JSON.stringify(value);
const valuesOf = (options: StartArguments) =>
  Object.entries(options).map(([key, value]) => [key, JSON.stringify(value)] as const);

function sdk({ workflow, input, options }: Start): string {
  const given = valuesOf(options).map(([key, value]) => [SDK_NAMES[key] ?? key, value] as const);
  const last = given.length === 0 ? '' : `, {\n${members(given, '  ')}}`;
  return [
    "import { createClient } from '@supabase/supabase-js';",
    "import { createStepbase } from 'stepbase';",
    '',
    'const stepbase = createStepbase(createClient(url, publishableKey));',
    `const run = await stepbase.start(${quoted(workflow)}, ${input}${last});`,
    'const output = await run.result();',
    '',
  ].join('\n');
}

function supabaseJs({ workflow, input, options }: Start): string {
  const given = [['workflow', quoted(workflow)], ['input', input], ...valuesOf(options)] as const;
  return [
    "import { createClient } from '@supabase/supabase-js';",
    '',
    "const supabase = createClient(url, publishableKey, { db: { schema: 'stepbase' } });",
    "const { data: run, error } = await supabase.rpc('start_run', {",
    `${members(given, '  ')}});`,
    '',
  ].join('\n');
}

/** A text in single quotes of a shell. */
const shell = (value: string) => `'${value.replaceAll("'", "'\\''")}'`;

function curl({ workflow, input, options, api }: Start): string {
  const { idempotency_key: key, ...others } = options;
  const body = [['input', input] as const, ...valuesOf(others)]
    .map(([name, value]) => `  ${quoted(name)}: ${indented(value, '  ')}`)
    .join(',\n');
  return [
    `curl -X POST ${shell(`${api}/v1/workflows/${workflow}/runs`)} \\`,
    '  -H "Authorization: Bearer $STEPBASE_KEY" \\',
    '  -H "Content-Type: application/json" \\',
    ...(key === undefined ? [] : [`  -H ${shell(`Idempotency-Key: ${key}`)} \\`]),
    `  -d ${shell(`{\n${body}\n}`)}`,
    '',
  ].join('\n');
}

const WRITERS: Readonly<Record<Language, (start: Start) => string>> = {
  sdk,
  supabase: supabaseJs,
  curl,
};

export const codeOf = (language: Language, start: Start): string => WRITERS[language](start);
