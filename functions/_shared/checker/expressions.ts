// The expressions of a step: bare JSONata, templates and code. Each is parsed and has the paths that it certainly reads.

import jsonata from 'jsonata';
import { codeProblem } from '../expressions/code-syntax.ts';
import { ExpressionError } from '../expressions/errors.ts';
import { type CompiledExpression, compileExpression } from '../expressions/jsonata.ts';
import { unsafeJavaScriptLiterals } from '../expressions/literals.ts';
import { type ScopePath, scopePaths } from '../expressions/scope-paths.ts';
import { parseTemplateText } from '../expressions/template-text.ts';
import { pointerTo } from './fault.ts';
import type { Part } from './graph.ts';
import { codePaths, parseCode } from './javascript.ts';

export interface Expression {
  readonly language: 'jsonata' | 'javascript';
  readonly source: string;
  /** Of the text that contains it. */
  readonly pointer: string;
  /** The syntax tree; undefined when the parser does not know the syntax of code that the sandbox accepts. */
  readonly ast: unknown;
  readonly paths: readonly ScopePath[];
}

export interface Problem {
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
}

export interface Parsed {
  readonly expressions: readonly Expression[];
  readonly problems: readonly Problem[];
}

interface Collected {
  expressions: Expression[];
  problems: Problem[];
}

export async function expressionsOf(part: Part): Promise<Parsed> {
  const found: Collected = { expressions: [], problems: [] };
  for (const [key, value] of Object.entries(part.config)) {
    const pointer = pointerTo(part.pointer, key);
    const language = part.type.rawKeys[key];
    if (language === undefined || typeof value !== 'string') collect(value, pointer, part, found);
    else if (language === 'jsonata') collectJsonata([value], pointer, part, true, found);
    else await collectCode(value, pointer, found);
  }
  return found;
}

function collect(value: unknown, pointer: string, part: Part, found: Collected): void {
  if (typeof value === 'string') {
    if (!value.includes('{{')) return;
    attempt(pointer, found, () => {
      const parts = parseTemplateText(value).flatMap((one) =>
        typeof one === 'string' ? [] : [one.source],
      );
      collectJsonata(parts, pointer, part, false, found);
    });
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      collect(member, pointerTo(pointer, key), part, found);
    }
  }
}

function attempt(pointer: string, found: Collected, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    found.problems.push({ pointer, code: error.code, message: error.message });
  }
}

function collectJsonata(
  sources: readonly string[],
  pointer: string,
  part: Part,
  isStored: boolean,
  found: Collected,
): void {
  for (const source of sources) {
    attempt(pointer, found, () => {
      const compiled = compileExpression(source);
      const refusal = secretRefusal(compiled, part, isStored);
      if (refusal !== undefined) found.problems.push({ pointer, ...refusal });
      const ast = jsonata(source, { recover: false }).ast();
      found.expressions.push({
        language: 'jsonata',
        source,
        pointer,
        ast,
        paths: scopePaths(ast),
      });
    });
  }
}

/** Publishing refuses most of this too; the syntax tree shows what the text does not. */
function secretRefusal(
  { secrets, opaqueSecrets }: CompiledExpression,
  part: Part,
  isStored: boolean,
): Omit<Problem, 'pointer'> | undefined {
  if (secrets.length === 0 && !opaqueSecrets) return undefined;
  if (isStored || !part.type.mayUseSecrets) {
    const message = `secrets cannot be used in ${part.type.name}, which is stored`;
    return { code: 'secret_not_allowed', message };
  }
  if (!opaqueSecrets) return undefined;
  const message = 'a secret must be written as secrets.<name> with a literal name';
  return { code: 'secret_not_literal', message };
}

async function collectCode(code: string, pointer: string, found: Collected): Promise<void> {
  const problem = await codeProblem(code);
  if (problem !== undefined) {
    found.problems.push({ pointer, code: 'code_syntax', message: problem });
    return;
  }
  const ast = parseCode(code);
  for (const { text } of unsafeJavaScriptLiterals(ast)) {
    const message = `a double cannot hold the number ${text}; write its digits as a string or as a BigInt`;
    found.problems.push({ pointer, code: 'unsafe_number', message });
  }
  const paths = ast === undefined ? [] : codePaths(ast);
  found.expressions.push({ language: 'javascript', source: code, pointer, ast, paths });
}
