// A query whose answer takes JSONata, over HTTP: what goes wrong with it is the caller's to know.

import { AppError } from '../_shared/errors/index.ts';
import { ExpressionError, evaluateQuery, type Question } from '../_shared/expressions/index.ts';

export async function answerQuery(name: string, question: Question): Promise<unknown> {
  try {
    return await evaluateQuery(name, question);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw new AppError('conflict', `the query ${name} has no answer: ${error.message}`, {
      extra: { expression_error: error.code, ...error.details },
    });
  }
}
