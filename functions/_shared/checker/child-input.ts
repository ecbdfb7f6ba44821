// The input that a step gives to a child workflow, against the child's input schema.

import { ExpressionError } from '../expressions/errors.ts';
import { validateJson } from '../expressions/schema.ts';
import { nearestWord } from '../text/nearest.ts';
import type { CheckContext } from './context.ts';
import { type Fault, pointerTo, suggestion } from './fault.ts';
import type { Part } from './graph.ts';
import { isLiteral, isObject, listOf, textOf } from './json.ts';
import { memberOf } from './schema-members.ts';

export async function childInputFaults(
  part: Part,
  node: string,
  { children }: CheckContext,
): Promise<Fault[]> {
  const workflow = textOf(part.config.workflow);
  const input = part.config.input ?? {};
  if (part.type.name !== 'child_workflow' || workflow === undefined) return [];
  const schema = children?.[workflow];
  if (schema === undefined || !isObject(input)) return [];
  const pointer = pointerTo(part.pointer, 'input');
  const fault = (at: string, message: string, hint: object = {}): Fault => ({
    node,
    pointer: at,
    code: 'invalid_child_input',
    message: `the input of ${workflow} ${message}`,
    severity: 'error',
    ...hint,
  });
  if (isLiteral(input)) {
    const problems = await literalProblems(schema, input);
    return problems.map(({ path, message }) =>
      fault(pointer + path, path === '' ? message : `${path} ${message}`),
    );
  }
  const missing = listOf(schema.required).filter(
    (name): name is string => typeof name === 'string' && !Object.hasOwn(input, name),
  );
  return [
    ...missing.map((name) => fault(pointerTo(pointer, name), `needs ${name}`)),
    ...Object.keys(input).flatMap((name) => {
      const member = memberOf(schema, name, schema, false);
      if (member.kind !== 'absent') return [];
      const near = nearestWord(name, member.declared);
      return [fault(pointerTo(pointer, name), `does not allow ${name}`, suggestion(near))];
    }),
  ];
}

async function literalProblems(schema: object, input: unknown) {
  try {
    return await validateJson(schema, input);
  } catch (error) {
    // Too complex to be checked here; the start of the child checks it.
    if (error instanceof ExpressionError) return [];
    throw error;
  }
}
