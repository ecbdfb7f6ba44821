// Authentication of callers, and statements that run as a caller.
export { asCaller, asCallerOnReplica } from './as-caller.ts';
export {
  APP_HEADER,
  type ApiKeyCaller,
  type Caller,
  callerKey,
  type Identify,
  identifyCaller,
  type MemberCaller,
  type ServiceCaller,
  type UserCaller,
} from './caller.ts';
export { matchesAny } from './keys.ts';
export { apiKeyFinder } from './queries.ts';
export { userTokenVerifier } from './user-token.ts';
