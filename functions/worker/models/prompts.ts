// Stored prompts: the text that a version was published with, with the values of a step in its templates.

import {
  compileTemplate,
  ExpressionError,
  resolveSecrets,
  type Scope,
  validateJson,
} from '../../_shared/expressions/index.ts';
import { StepError } from '../steps/errors.ts';
import type { Component, StepContext, StoredPrompt } from '../steps/types.ts';

type Values = Readonly<Record<string, unknown>>;

/** The text of each given prompt. The prompts share the variables: a name must be declared by one of them. */
export async function promptTexts<Key extends string>(
  references: Readonly<Record<Key, string | undefined>>,
  variables: Values,
  ctx: Pick<StepContext, 'prompts'>,
): Promise<Partial<Record<Key, string>>> {
  const named = (Object.entries(references) as [Key, string | undefined][]).flatMap(
    ([key, reference]) =>
      reference === undefined ? [] : [{ key, reference, prompt: storedPrompt(reference, ctx) }],
  );
  assertDeclared(named, variables);
  const texts: Partial<Record<Key, string>> = {};
  for (const { key, reference, prompt } of named) {
    texts[key] = await textOf(reference, prompt, variables);
  }
  return texts;
}

/**
 * The text of an agent's own prompt. Its variables are the properties of the input of the step; the model reads the others
 * there, too.
 */
export function agentPrompt(
  { name, prompt, prompt_variables }: Component & { prompt: string },
  input: unknown,
): Promise<string> {
  const values = typeof input === 'object' && input !== null ? (input as Values) : {};
  const stored = { content: prompt, variables: prompt_variables };
  return textOf(`of ${name}`, stored, values, input);
}

interface Named {
  reference: string;
  prompt: StoredPrompt;
}

function storedPrompt(reference: string, { prompts }: Pick<StepContext, 'prompts'>): StoredPrompt {
  const prompt = prompts?.[reference];
  if (prompt !== undefined) return prompt;
  throw new StepError(
    'unknown_prompt',
    `the version was published without the prompt ${reference}`,
  );
}

/** A prompt that declares none accepts every variable. */
function assertDeclared(named: readonly Named[], variables: Values): void {
  const declared = named.map(({ prompt }) => Object.keys(prompt.variables));
  if (named.length === 0 || declared.some((names) => names.length === 0)) return;
  const unknown = Object.keys(variables).filter((name) => !declared.flat().includes(name));
  if (unknown.length === 0) return;
  throw invalid(
    named.map(({ reference }) => reference).join(' and '),
    unknown.map((name) => ({ path: `/${name}`, message: 'is not declared' })),
  );
}

async function textOf(
  reference: string,
  { content, variables: schemas }: Pick<StoredPrompt, 'content' | 'variables'>,
  given: Values,
  input?: unknown,
): Promise<string> {
  const values = { ...defaultsOf(schemas), ...given };
  const problems = await validateJson(schemaOf(schemas), values);
  if (problems.length > 0) throw invalid(reference, problems);
  try {
    const template = compileTemplate(content);
    if (template.secrets.length > 0) {
      throw new StepError('invalid_config', `the prompt ${reference} cannot use secrets`);
    }
    const scope: Scope = { ...values, input: input ?? values, steps: {}, context: {}, run: null };
    const { config } = await resolveSecrets(await template.resolve(scope), () => undefined);
    return typeof config === 'string' ? config : JSON.stringify(config);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw new StepError('invalid_config', `the prompt ${reference} fails: ${error.message}`, {
      details: { code: error.code, ...error.details },
    });
  }
}

/** As stepbase_private.prompt_schema: a variable is required, unless it has a default. */
function schemaOf(schemas: Values): Record<string, unknown> {
  const required = Object.keys(schemas).filter((name) => !hasDefault(schemas[name]));
  return { type: 'object', properties: schemas, required };
}

function hasDefault(schema: unknown): schema is { default: unknown } {
  return typeof schema === 'object' && schema !== null && Object.hasOwn(schema, 'default');
}

function defaultsOf(schemas: Values): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(schemas).flatMap(([name, schema]) =>
      hasDefault(schema) ? [[name, schema.default]] : [],
    ),
  );
}

function invalid(reference: string, problems: readonly object[]): StepError {
  const message = `the variables do not match those of the prompt ${reference}`;
  return new StepError('invalid_prompt_variables', message, { details: { problems } });
}
