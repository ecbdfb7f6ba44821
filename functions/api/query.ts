// A query whose answer takes JSONata: evaluated here, over the state that the database gave out for it.

import { AppError } from '../_shared/errors/index.ts';
import { compileExpression, ExpressionError, validateJson } from '../_shared/expressions/index.ts';

interface Question {
  expression: string;
  state: Record<string, unknown>;
  return_type: Record<string, unknown> | null;
}

/** Bounded by the limits of every expression (time, depth, size); it reads the state and nothing else. */
export async function evaluateQuery(name: string, question: Question): Promise<unknown> {
  const answer = await evaluate(name, question);
  const problems = question.return_type === null ? [] : validateJson(question.return_type, answer);
  if (problems.length > 0) {
    throw new AppError('conflict', `what ${name} found does not fit its return type`, {
      extra: { errors: problems },
    });
  }
  return answer;
}

async function evaluate(name: string, { expression, state }: Question): Promise<unknown> {
  try {
    // The scope of a step's expression, with more of the run in it.
    const scope = state as unknown as Parameters<
      ReturnType<typeof compileExpression>['evaluate']
    >[0];
    return (await compileExpression(expression).evaluate(scope)) ?? null;
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw new AppError('conflict', `the expression of ${name} failed: ${error.message}`, {
      extra: { expression_error: error.code },
    });
  }
}
