// Errors of expressions and templates: a stable code and the place in the text.

export type ExpressionErrorCode =
  | 'expression_syntax'
  | 'expression_failed'
  | 'expression_timeout'
  | 'expression_too_deep'
  | 'expression_too_large'
  | 'number_not_finite'
  | 'query_answer_unfit'
  | 'schema_too_complex'
  | 'unsafe_number'
  | 'secret_not_literal'
  | 'secret_not_allowed'
  | 'secret_not_found'
  | 'url_value_refused';

export interface ExpressionErrorDetails {
  /** The expression as it was written. */
  expression?: string;
  /** The offset of the error in the expression. */
  position?: number;
  /** The place of the expression in the step's config, e.g. headers.authorization. */
  path?: string;
  /** JSONata's own code (S0201, D1012 …), which its documentation explains. */
  jsonata_code?: string;
  /** The problems of a value that does not match its schema. */
  problems?: unknown;
}

export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  readonly code: ExpressionErrorCode;
  readonly details: ExpressionErrorDetails;

  constructor(code: ExpressionErrorCode, message: string, details: ExpressionErrorDetails = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }

  /** A time-out may be caused by a busy machine; all other errors are caused by the expression. */
  get retryable(): boolean {
    return this.code === 'expression_timeout';
  }

  at(path: string): ExpressionError {
    const located = path === '' ? this.message : `${path}: ${this.message}`;
    return new ExpressionError(this.code, located, { ...this.details, path });
  }
}

interface JsonataFailure {
  code?: unknown;
  position?: unknown;
  message?: unknown;
}

/** JSONata throws plain objects; this converts them to errors with their place. */
export function fromJsonata(error: unknown, expression: string): ExpressionError {
  if (error instanceof ExpressionError) return error;
  if (error instanceof RangeError) {
    return /stack/i.test(error.message)
      ? new ExpressionError('expression_too_deep', 'the expression nests too deeply', {
          expression,
        })
      : new ExpressionError('expression_too_large', 'the value of the expression is too large', {
          expression,
        });
  }
  const failure: JsonataFailure = typeof error === 'object' && error !== null ? error : {};
  const jsonataCode = typeof failure.code === 'string' ? failure.code : undefined;
  const details: ExpressionErrorDetails = {
    expression,
    ...(typeof failure.position === 'number' ? { position: failure.position } : {}),
    ...(jsonataCode === undefined ? {} : { jsonata_code: jsonataCode }),
  };
  const message = typeof failure.message === 'string' ? failure.message : String(error);
  if (jsonataCode === 'D1012') {
    return new ExpressionError('expression_timeout', 'the expression ran out of time', details);
  }
  if (jsonataCode === 'D1011') {
    return new ExpressionError('expression_too_deep', 'the expression nests too deeply', details);
  }
  if (jsonataCode === 'D2014' || jsonataCode === 'D2015') {
    return new ExpressionError(
      'expression_too_large',
      'the list of the expression is too long',
      details,
    );
  }
  const where = details.position === undefined ? '' : ` (at ${details.position})`;
  return jsonataCode?.startsWith('S')
    ? new ExpressionError('expression_syntax', `${message}${where}`, details)
    : new ExpressionError('expression_failed', `${message}${where}`, details);
}
