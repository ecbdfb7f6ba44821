// Checks of the steps that run a component: the component exists, and input and output match its
// schemas.

import { validateJson } from '../../_shared/expressions/index.ts';
import { StepError } from './errors.ts';
import type { Component, StepContext } from './types.ts';

export function componentOf(ctx: StepContext, name: string, type: string): Component {
  const { component } = ctx;
  if (component === undefined) {
    throw new StepError('unknown_component', `there is no component ${name}`);
  }
  if (!component.is_active) {
    throw new StepError('inactive_component', `the component ${component.name} is not active`);
  }
  if (component.type !== type) {
    throw new StepError(
      'invalid_config',
      `${component.name} is a ${component.type}, not a ${type}`,
    );
  }
  return component;
}

export function checkInput(component: Component, input: unknown): Promise<void> {
  return check(
    component.input_schema,
    input,
    'invalid_input',
    `the input does not match the input schema of ${component.name}`,
  );
}

/** Retryable, because another response may match. */
export function checkOutput(component: Component, output: unknown): Promise<void> {
  return check(
    component.output_schema,
    output,
    'invalid_output',
    `the output of ${component.name} does not match its output schema`,
    true,
  );
}

async function check(
  schema: Record<string, unknown> | null,
  value: unknown,
  code: string,
  message: string,
  retryable = false,
): Promise<void> {
  const problems = schema === null ? [] : await validateJson(schema, value);
  if (problems.length > 0) throw new StepError(code, message, { retryable, details: { problems } });
}
