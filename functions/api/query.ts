// Evaluates a run's query for the API; an error of its JSONata expression becomes a response for the caller.

import { AppError } from '../_shared/errors/index.ts';
import { ExpressionError, evaluateQuery, type Question } from '../_shared/expressions/index.ts';

export async function answerQuery(name: string, question: Question): Promise<unknown> {
  try {
    return await evaluateQuery(name, question);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const code = error.code === 'schema_too_complex' ? error.code : 'conflict';
    throw new AppError(code, `the query ${name} has no answer: ${error.message}`, {
      extra: { expression_error: error.code, ...error.details },
    });
  }
}
