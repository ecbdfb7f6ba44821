// Expressions and templates: compiled once, analysed for what they read, resolved against the scope of a run.

export type { References } from './analysis.ts';
export { ExpressionError, type ExpressionErrorCode } from './errors.ts';
export { type Json, toJson } from './json.ts';
export {
  type CompiledExpression,
  compileExpression,
  evaluate,
  MOMENT,
  type Moment,
  type Scope,
} from './jsonata.ts';
export {
  isUnsafeJavaScriptLiteral,
  type UnsafeLiteral,
  unsafeJavaScriptLiterals,
  unsafeJsonataLiterals,
} from './literals.ts';
export type { MaskedText } from './mask-stream.ts';
export { evaluateQuery, type Question } from './query.ts';
export { type SchemaProblem, validateJson } from './schema.ts';
export {
  type Resolved,
  type Revealed,
  resolveSecrets,
  type Secret,
  type SecretLookup,
} from './secrets.ts';
export { nextTurn, withPauses } from './slices.ts';
export { type CompiledTemplate, type CompileOptions, compileTemplate } from './template.ts';
