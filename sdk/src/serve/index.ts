// `stepbase/serve`: your own code as the steps of workflows.
export {
  CancelledError,
  type Definition,
  type Handler,
  handler,
  type StepCallContext,
  StepFailure,
} from './handler.ts';
export type { StepLog } from './log.ts';
export type { StepCall } from './message.ts';
export { toNodeListener } from './node.ts';
export type { StandardSchema } from './schema.ts';
export { type Handlers, type ServedDefinition, type ServeOptions, serve } from './serve.ts';
export { SignatureError, type VerifyOptions, verifySignature } from './signature.ts';
