// The version of the checker, in a file of its own: code that only stores it needs none of the checks.

/** Increased when published versions should be checked again. */
export const CHECKER_VERSION = 1;
