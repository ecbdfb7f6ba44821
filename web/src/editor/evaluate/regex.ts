// In place of functions/_shared/expressions/regex.ts in the browser. There, QuickJS stops a regular expression that
// backtracks for too long; here, the page ends the whole web worker.
export const SandboxedRegExp = RegExp;
export const prepareRegex = async (): Promise<void> => undefined;
export const withRegexBudget = <T>(work: () => T): T => work();
