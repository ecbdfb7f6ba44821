// sdk/src/workflow/step-types.ts and step-schemas.ts: what code-first workflows know about step types, generated from the
// descriptors, the checker's outputs and the rules of a retry policy, so that the SDK has no copy that people maintain.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { outputSchema } from '../../functions/_shared/checker/outputs.ts';
import { type StepType, stepTypes } from '../../functions/_shared/step-types/index.ts';
import { ROOT } from '../stack/options.ts';
import { type JsonSchema, toJsonSchema } from '../step-types/json-schema.ts';
import type { GeneratedPage } from './markdown.ts';

const TYPES_PATH = 'sdk/src/workflow/step-types.ts';
const SCHEMAS_PATH = 'sdk/src/workflow/step-schemas.ts';
const RETRY_RULES = 'supabase/migrations/20261101000548_step_problems.sql';

/** The JSON Schema in stepbase_private.retry_problems, which is the only statement of these rules. */
function retrySchema(): JsonSchema {
  const sql = readFileSync(join(ROOT, RETRY_RULES), 'utf8');
  const [, text] =
    /'(\{"type": "object", "required": \["max_attempts"\][^']*\})'::jsonb/.exec(sql) ?? [];
  if (text === undefined) throw new Error(`${RETRY_RULES} has no schema of a retry policy`);
  return JSON.parse(text) as JsonSchema;
}

const literal = (value: unknown): string => JSON.stringify(value);
const key = (name: string): string => (/^[A-Za-z_]\w*$/.test(name) ? name : literal(name));

/** The TypeScript type of the values of a JSON Schema. */
function typeOf(schema: unknown): string {
  if (schema === true) return 'unknown';
  const { type, anyOf, ...rest } = schema as JsonSchema & { type?: string | string[] };
  if (Array.isArray(rest.enum)) return rest.enum.map(literal).join(' | ');
  if ('const' in rest) return literal(rest.const);
  if (type === undefined) {
    return Array.isArray(anyOf) ? [...new Set(anyOf.map(typeOf))].join(' | ') : 'unknown';
  }
  return [type]
    .flat()
    .map((name) => typeOfKind(name, schema as JsonSchema))
    .join(' | ');
}

function typeOfKind(name: string, { items, ...schema }: JsonSchema): string {
  switch (name) {
    case 'integer':
    case 'number':
      return 'number';
    case 'array':
      return items === undefined ? 'unknown[]' : `(${typeOf(items)})[]`;
    case 'object':
      return objectType(schema);
    default:
      return name;
  }
}

interface ObjectSchema {
  properties?: Record<string, unknown>;
  required?: string[];
  additionalProperties?: unknown;
  oneOf?: { required: string[] }[];
  anyOf?: { required: string[] }[];
}

function objectType(schema: ObjectSchema): string {
  const { properties, required = [], additionalProperties, oneOf, anyOf } = schema;
  if (properties === undefined) {
    return `Record<string, ${typeof additionalProperties === 'object' ? typeOf(additionalProperties) : 'unknown'}>`;
  }
  // Alternatives of keys, such as ms and until of a delay.
  const choices = (oneOf ?? anyOf ?? []).flatMap((choice) => choice.required);
  const member = (name: string, isRequired: boolean) =>
    `${key(name)}${isRequired ? '' : '?'}: ${isRequired ? typeOf(properties[name]) : optional(typeOf(properties[name]))}; `;
  const own = Object.keys(properties)
    .filter((name) => !choices.includes(name))
    .map((name) => member(name, required.includes(name)))
    .join('');
  const alternatives = choices.map((chosen) => {
    const others = choices.filter((name) => name !== chosen);
    const rest = others.map((name) => (oneOf ? `${key(name)}?: undefined; ` : member(name, false)));
    return `{ ${member(chosen, true)}${rest.join('')}}`;
  });
  const base = own === '' ? [] : [`{ ${own}}`];
  if (alternatives.length === 0) return base[0] ?? 'object';
  return [...base, `(${alternatives.join(' | ')})`].join(' & ');
}

const optional = (type: string): string => (type === 'unknown' ? type : `${type} | undefined`);

/** The output of a step whose config says nothing about it; undefined: it depends on the step. */
function outputOf(type: StepType): ObjectSchema | undefined {
  const part = { kind: 'step', type, config: {}, pointer: '' } as const;
  const node = { id: type.name, pointer: '', data: {}, parts: [part] };
  return outputSchema(node, [], {}) as ObjectSchema | undefined;
}

function outputType(type: StepType): string {
  const schema = outputOf(type);
  if (schema === undefined) return 'unknown';
  return objectType({ ...schema, required: Object.keys(schema.properties ?? {}) });
}

const handleType = ({ handles }: StepType): string =>
  handles === 'any' ? 'string' : handles.map(literal).join(' | ') || 'never';

const facts = (type: StepType): string =>
  literal({
    raw: Object.keys(type.rawKeys),
    inForEach: type.allowedInForEach,
    inCompensation: type.allowedInCompensation,
  });

const rows = (value: (type: StepType) => string, comment = false): string =>
  stepTypes
    .map((type) => `${comment ? `/** ${type.description} */\n` : ''}${type.name}: ${value(type)}`)
    .join(';\n');

/** What docs/guides/retries-and-timeouts.md explains, in a line each. */
const RETRY_COMMENTS: Readonly<Record<string, string>> = {
  max_attempts: 'The first attempt included; 1 to 100.',
  backoff: '`exponential` (default) doubles the delay after each attempt, `fixed` keeps it.',
  delay_ms: 'Milliseconds before the second attempt; default: 1,000, at most a day.',
  max_delay_ms: 'The longest delay in milliseconds; default: an hour, at most a day.',
  max_elapsed_ms: 'Milliseconds for all attempts and delays; default: no limit, at most a year.',
  jitter: 'The random part of a delay, 0 to 1; `true` means 0.5. Default: 0.',
  retry_on: 'Errors to retry besides the retryable ones: codes, HTTP statuses, `4xx`, `5xx`.',
  do_not_retry_on: 'Errors never to retry, also if `retry_on` names them.',
};

function retryMembers(): string {
  const { properties = {}, required = [] } = retrySchema() as ObjectSchema;
  const names = Object.keys(properties);
  const unknown = [...names, ...Object.keys(RETRY_COMMENTS)].filter(
    (name) => !(names.includes(name) && name in RETRY_COMMENTS),
  );
  if (unknown.length > 0) throw new Error(`the comments of a retry policy miss or add ${unknown}`);
  return names
    .map((name) => {
      const type = typeOf(properties[name]);
      const isRequired = required.includes(name);
      const declared = `${key(name)}${isRequired ? '' : '?'}: ${isRequired ? type : optional(type)}`;
      return `/** ${RETRY_COMMENTS[name]} */\n${declared};\n`;
    })
    .join('');
}

const HEADER = '// Generated by `npm run docs` from functions/_shared/step-types. Do not edit.\n';

function typesFile(): string {
  return `${HEADER}
/** The config of each step type, after its templates were filled in. */
export interface StepConfigs {
${rows((type) => typeOf(toJsonSchema(type.config)), true)};
}

/** The output of each step type; unknown: it depends on the step. */
export interface StepOutputs {
${rows(outputType)};
}

/** The handles of each step type, besides error and timeout, which every step has. */
export interface StepHandles {
${rows(handleType)};
}

/** Attempts of a step after a failure. */
export interface RetryPolicy {
${retryMembers()}}

/** raw: keys of the config that hold an expression or code instead of templates. */
export const STEP_TYPES = {
${stepTypes.map((type) => `${type.name}: ${facts(type)}`).join(',\n')},
} as const;
`;
}

function schemasFile(): string {
  const schemas = stepTypes.map((type) => `${type.name}: ${literal(toJsonSchema(type.config))}`);
  return `${HEADER}
/** The JSON Schema of the config of each step type. */
export const STEP_SCHEMAS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
${schemas.join(',\n')},
};

/** The JSON Schema of a retry policy. */
export const RETRY_SCHEMA: Readonly<Record<string, unknown>> = ${literal({ ...retrySchema(), additionalProperties: false })};

/** The properties of the outputs that the step type determines. */
export const OUTPUT_PROPERTIES: Readonly<Record<string, readonly string[]>> = {
${stepTypes
  .flatMap((type) => {
    const schema = outputOf(type);
    return schema === undefined
      ? []
      : [`${type.name}: ${literal(Object.keys(schema.properties ?? {}))}`];
  })
  .join(',\n')},
};

/** The handles of each step type besides error and timeout; null: each text. */
export const HANDLES: Readonly<Record<string, readonly string[] | null>> = {
${stepTypes.map(({ name, handles }) => `${name}: ${handles === 'any' ? 'null' : literal(handles)}`).join(',\n')},
};
`;
}

function formatted(path: string, text: string): string {
  const biome = join(ROOT, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
  const args = [biome, 'format', `--stdin-file-path=${path}`];
  return execFileSync(process.execPath, args, { cwd: ROOT, input: text, encoding: 'utf8' });
}

export function sdkStepTypesFiles(): GeneratedPage[] {
  return [
    { path: TYPES_PATH, text: formatted(TYPES_PATH, typesFile()) },
    { path: SCHEMAS_PATH, text: formatted(SCHEMAS_PATH, schemasFile()) },
  ];
}
