// The names of workflows, of their steps and of the methods for step types, for compiling and for decompiling.

import { DefinitionError } from './errors.ts';

const STEP_ID = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/;
const WORKFLOW_NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;

export function requireStepId(id: unknown): asserts id is string {
  if (typeof id === 'string' && STEP_ID.test(id)) return;
  throw new DefinitionError(
    'invalid_id',
    `the id ${String(id)} must start with a letter and have at most 63 letters, digits, _ or -`,
  );
}

export function requireWorkflowName(name: unknown): asserts name is string {
  if (typeof name === 'string' && WORKFLOW_NAME.test(name)) return;
  throw new DefinitionError(
    'invalid_request',
    `the name ${String(name)} must be in kebab-case, such as order-shipping`,
  );
}

/** The method of a step type: `http_request` is `httpRequest`. */
export const methodName = (type: string): string =>
  type.replaceAll(/_(\w)/g, (_match, letter: string) => letter.toUpperCase());
