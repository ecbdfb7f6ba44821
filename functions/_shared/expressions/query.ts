// Evaluates the JSONata expression of a run's query over the state that the database returned for it.

import { ExpressionError } from './errors.ts';
import { compileExpression, type Scope } from './jsonata.ts';
import { validateJson } from './schema.ts';

export interface Question {
  expression: string;
  state: Record<string, unknown>;
  return_type: Record<string, unknown> | null;
}

/**
 * The limits of all expressions apply (time, depth, size); the expression reads nothing but the state. Throws an
 * ExpressionError when the expression fails or its value does not match the return type.
 */
export async function evaluateQuery(name: string, question: Question): Promise<unknown> {
  // The scope of a step's expression, with more properties of the run.
  const scope = question.state as unknown as Scope;
  const answer = (await compileExpression(question.expression).evaluate(scope)) ?? null;
  const problems =
    question.return_type === null ? [] : await validateJson(question.return_type, answer);
  if (problems.length > 0) {
    throw new ExpressionError(
      'query_answer_unfit',
      `The answer of ${name} does not match its return type`,
      { problems },
    );
  }
  return answer;
}
