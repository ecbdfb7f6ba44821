// The error of a workflow that cannot be compiled.

/** `code` is one of the codes that saving and publishing report for the same mistake. */
export class DefinitionError extends Error {
  override readonly name = 'DefinitionError';
  /** A stable code, such as `expression_syntax`. */
  readonly code: string;
  /** The id of the step. */
  readonly step: string | undefined;

  /** @internal */
  constructor(code: string, message: string, step?: string) {
    super(step === undefined ? message : `step ${step}: ${message}`);
    this.code = code;
    this.step = step;
  }
}
