// Checks the paths of expressions against what is known of the scope: its names, the input, and the outputs of steps.

import type { ScopePath } from '../expressions/scope-paths.ts';
import { nearestWord } from '../text/nearest.ts';
import type { CheckContext } from './context.ts';
import type { Expression } from './expressions.ts';
import { type Fault, suggestion } from './fault.ts';
import type { Part } from './graph.ts';
import { memberOf } from './schema-members.ts';

export interface Known {
  context: CheckContext;
  /** Returns the JSON Schema of the output of a step, or undefined if it is not known or there is no such step. */
  outputOf(stepId: string): unknown;
}

type Found = Omit<Fault, 'node' | 'pointer'>;

const scopeNames = ['input', 'steps', 'context', 'run', 'secrets', 'item', 'index'];

export function pathFault(
  { names }: ScopePath,
  { language }: Expression,
  part: Part,
  { context, outputOf }: Known,
): Found | undefined {
  const [root = '', ...rest] = names;
  if (!scopeNames.includes(root)) return unknownName(root);
  if (root === 'item' && part.kind === 'step') {
    const message = 'item is read, but only the step of a for_each and a compensation have an item';
    return { code: 'unknown_name', message, severity: 'error' };
  }
  if (root === 'input') {
    const { inputSchema } = context;
    return memberFault(inputSchema, ['input'], rest, language === 'jsonata');
  }
  if (root !== 'steps') return undefined;
  const [id = '', output, ...members] = rest;
  if (output === undefined) return undefined;
  if (output !== 'output') return notOutput(id, output);
  // A step that failed has `error` in its output, and the run may continue behind it.
  if (members[0] === 'error') return undefined;
  return memberFault(outputOf(id), ['steps', id, 'output'], members, language === 'jsonata');
}

function unknownName(name: string): Found {
  const message = `${name} is read, but an expression has no such name: it reads ${scopeNames.join(', ')}`;
  return {
    code: 'unknown_name',
    message,
    severity: 'error',
    ...suggestion(nearestWord(name, scopeNames)),
  };
}

function notOutput(id: string, member: string): Found {
  return {
    code: 'unknown_property',
    message: `steps.${id}.${member} is read, but a step has only output`,
    severity: 'error',
    hint: member === 'error' ? `steps.${id}.output.error` : `steps.${id}.output.${member}`,
  };
}

function memberFault(
  schema: unknown,
  from: readonly string[],
  names: readonly string[],
  mapsLists: boolean,
): Found | undefined {
  let at = schema;
  const path = [...from];
  for (const name of names) {
    const member = memberOf(at, name, schema, mapsLists);
    if (member.kind === 'present') {
      at = member.schema;
      path.push(name);
      continue;
    }
    const near = nearestWord(name, member.declared);
    const place = path.join('.');
    // Texts and numbers have methods in JavaScript.
    if (member.kind === 'absent' && member.reason === 'no object' && !mapsLists) return undefined;
    if (member.kind === 'absent') {
      const reason =
        member.reason === 'closed'
          ? `the schema of ${place} does not allow ${name}`
          : `${place} has no properties`;
      const message = `${place}.${name} is read, but ${reason}`;
      return { code: 'unknown_property', message, severity: 'error', ...suggestion(near) };
    }
    if (near === undefined) return undefined;
    const message = `${place}.${name} is read, but the schema of ${place} names only ${near}`;
    return { code: 'undeclared_property', message, severity: 'warning', ...suggestion(near) };
  }
  return undefined;
}
