// Errors with stable codes: the map, the class, and the HTTP response.
export { AppError, toAppError } from './app-error.ts';
export { ERRORS, type ErrorCode, isErrorCode, SQLSTATES } from './map.ts';
export { type DefinitionFault, type Problem, problemResponse, toProblem } from './problem.ts';
