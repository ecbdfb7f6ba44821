// What each error code means, for docs/reference/errors.md. A test proves that every code that the
// functions or the database raise is listed here.
import type { ErrorCode } from './map.ts';

/** Codes of RPCs and of the HTTP API: the cause and what the caller can do. */
export const REQUEST_ERRORS: Readonly<Record<ErrorCode, string>> = {
  invalid_request: 'An argument, a path parameter or the body is malformed. Correct the request.',
  not_authenticated:
    'The token, API key or signature is missing, invalid or expired. Sign in again or create a new key.',
  permission_denied:
    'The caller is not a member of the application, or the role or key lacks the permission that `permission` names.',
  not_found: 'The object does not exist, or the caller may not see it.',
  method_not_allowed: 'The path exists, but not with this method. See the `Allow` header.',
  conflict: 'The current state forbids the operation. Read the object again before you retry.',
  immutable: 'The column or row can never change. Create a new version or a new row.',
  precondition_failed:
    'The `ETag` of the object differs from `If-Match`, or the object exists and the request has `If-None-Match: *`. Read it again and repeat the change.',
  payload_too_large: 'The body exceeds `STEPBASE_MAX_BODY_BYTES`.',
  unsupported_media_type: 'The body must be JSON with `content-type: application/json`.',
  invalid_input: 'The data violates its JSON Schema. `errors` lists each violation with its path.',
  invalid_definition: 'The workflow definition is not valid. `errors` lists each fault.',
  schema_too_complex:
    'A JSON Schema is too large, its subschemas multiply, or a `$ref` leads back to itself; or a value is too large or too deep for its schema. Simplify the schema or send less.',
  limit_reached: 'A rate limit or a limit of the application is reached. Retry later.',
  internal_error: 'An unexpected error. Search the logs for the request id in `instance`.',
  unavailable: 'PostgreSQL is unreachable, busy or restarting. Retry after `Retry-After` seconds.',
  invitation_expired:
    'The invitation is older than seven days. Ask the member who invited you to resend it.',
  invitation_used: 'The invitation was accepted or declined. `status` tells which.',
  invitation_not_yours:
    'The signed-in user does not have the invited, confirmed address. Sign in with the address that received the mail.',
  invitation_revoked:
    'A member revoked the invitation, or the member who invited can no longer invite with this role. Ask for a new one.',
  budget_exceeded:
    'The application spent a budget of model calls. Retry after `retry_at`, or raise the budget.',
  model_unpriced:
    'A budget refuses models without a price. Give the step a price, or store the price of the model.',
  mail_not_configured:
    'No worker can send mail. An operator sets `SMTP_URL` or `RESEND_API_KEY`, `SMTP_FROM` and `STEPBASE_WEB_URL`.',
  schema_too_old:
    'The database has an older version of Stepbase than the functions need. An operator applies the migrations; the functions notice it by themselves.',
  schema_too_new:
    'The database has a newer version of Stepbase that these functions do not know. An operator deploys the functions of `schema_version`.',
  client_too_old:
    'The SDK or the CLI is older than `oldest_client`, the oldest one that this installation works with. Install a newer version.',
};

export interface StepErrorInfo {
  meaning: string;
  /** Whether another attempt may succeed; text when it depends on the case. */
  retried: boolean | string;
}

/** Codes in `step_runs.error`: why an attempt of a step failed. */
export const STEP_ERRORS = {
  timeout: {
    meaning: 'An attempt exceeded its time limit, or a wait passed its deadline.',
    retried: 'yes; a wait that passed its deadline is not',
  },
  http_timeout: { meaning: 'An HTTP call exceeded its time limit.', retried: true },
  code_timeout: { meaning: 'Code exceeded its time limit.', retried: true },
  network_error: {
    meaning: 'The connection could not be opened, or it was interrupted.',
    retried: true,
  },
  http_server_error: { meaning: 'The server answered with status 500 or higher.', retried: true },
  http_rate_limited: { meaning: 'The server answered with status 429.', retried: true },
  http_client_error: {
    meaning: 'The server answered with another status of 400 or higher.',
    retried: 'only status 408',
  },
  http_invalid_json: {
    meaning: 'The response declares JSON, but its body is not JSON in its charset.',
    retried: false,
  },
  url_value_refused: {
    meaning: 'The value of an expression may not stand at its place in a URL.',
    retried: false,
  },
  http_body_unsupported: {
    meaning: 'The body of the request has no form of its content type.',
    retried: false,
  },
  http_response_too_large: {
    meaning: 'The response exceeds `max_response_bytes`.',
    retried: false,
  },
  http_too_many_redirects: {
    meaning: 'The server redirected more than five times; a webhook follows no redirect.',
    retried: false,
  },
  http_bad_redirect: { meaning: 'A redirect has no valid target address.', retried: false },
  http_cross_origin_redirect: {
    meaning:
      'The server redirected a request with another method than GET or HEAD to another origin. Call the final address.',
    retried: false,
  },
  egress_blocked: {
    meaning:
      'The address belongs to a private network. An operator can allow it with `STEPBASE_EGRESS_ALLOW`.',
    retried: false,
  },
  llm_bad_response: { meaning: 'The response contains no completion with text.', retried: true },
  llm_invalid_output: {
    meaning:
      'The completion contains no JSON, or none or several values that match `response_schema`.',
    retried: true,
  },
  llm_invalid_key: {
    meaning: 'The model endpoint refused the key.',
    retried: false,
  },
  llm_refused: { meaning: 'The model refused the request.', retried: false },
  agent_max_turns: { meaning: 'The agent has no result after `max_turns` turns.', retried: false },
  agent_max_cost: { meaning: 'The turns of the agent cost `max_cost`.', retried: false },
  agent_unknown_cost: {
    meaning: 'The agent has `max_cost`, but the price of its model is not known.',
    retried: false,
  },
  llm_tool_call: { meaning: 'The model asked for a tool instead of an answer.', retried: false },
  llm_truncated: { meaning: 'The completion was cut off at `max_tokens`.', retried: false },
  email_rejected: {
    meaning: 'The mail server rejected the message.',
    retried: 'only after a temporary rejection (4yz)',
  },
  email_not_configured: {
    meaning: 'Neither `SMTP_URL` nor `RESEND_API_KEY` is set.',
    retried: false,
  },
  email_login_refused: { meaning: 'The mail server refused the login.', retried: false },
  email_bad_response: { meaning: 'The mail service returned no message id.', retried: false },
  email_sender_not_allowed: {
    meaning: 'The domain of `from` differs from that of `SMTP_FROM`.',
    retried: false,
  },
  function_not_allowed: {
    meaning: 'No operator has allowed the function for the application, or it was dropped.',
    retried: false,
  },
  invalid_arguments: {
    meaning:
      'An argument of the function is missing or unknown, or its type does not accept the value.',
    retried: false,
  },
  function_failed: {
    meaning: 'The function raised an error. `details.sqlstate` has its SQLSTATE.',
    retried: false,
  },
  function_denied: {
    meaning: 'The role of the function has no right to do what it did.',
    retried: false,
  },
  function_unavailable: {
    meaning: 'A deadlock or a lock timeout stopped the function, or the database is away.',
    retried: true,
  },
  result_too_large: {
    meaning: 'The function returned more than 1,000 rows or 256 KB. The call is rolled back.',
    retried: false,
  },
  storage_not_found: { meaning: 'The bucket or the file does not exist.', retried: false },
  storage_exists: { meaning: 'The file exists, and `overwrite` is false.', retried: false },
  storage_too_large: {
    meaning: 'The file exceeds `max_bytes`, 4 MB, or a limit of the bucket.',
    retried: false,
  },
  storage_type_refused: {
    meaning: 'The bucket does not accept the content type.',
    retried: false,
  },
  storage_refused: {
    meaning: 'Supabase Storage refused the request. `details.status` has the reason.',
    retried: false,
  },
  storage_unavailable: {
    meaning: 'Supabase Storage does not answer, or answers with 408, 429, or 500 or higher.',
    retried: true,
  },
  output_too_large: {
    meaning:
      'The output has more than 32 MB, or the stored outputs that a step reads have more together. In Temporal: a list, or the input of a child, is too large for one message.',
    retried: false,
  },
  output_not_stored: {
    meaning: 'The output could not be written to Supabase Storage. `details.code` has the reason.',
    retried: true,
  },
  output_not_readable: {
    meaning:
      'A stored output that the step reads is missing or was changed in Supabase Storage. `details.code` has the reason.',
    retried: 'if Storage does not answer',
  },
  storage_not_configured: { meaning: '`SUPABASE_SECRET_KEY` is not set.', retried: false },
  child_failed: { meaning: 'The child run failed.', retried: false },
  child_cancelled: { meaning: 'The child run was cancelled.', retried: false },
  child_timed_out: { meaning: 'The child run exceeded its execution timeout.', retried: false },
  child_not_started: {
    meaning: 'The child run could not be started. `details.code` states the reason.',
    retried: false,
  },
  budget_exceeded: {
    meaning:
      'The model calls of the application spent a budget of the day or the month. `retry_after_ms` tells when it is renewed.',
    retried: true,
  },
  model_unpriced: {
    meaning:
      'A budget refuses models without a price, and neither the step nor the table `model_prices` has one.',
    retried: false,
  },
  limit_reached: {
    meaning:
      'The work queue is full, or the application used up a quota of the day. `retry_after_ms` tells when it is renewed.',
    retried: true,
  },
  not_found: {
    meaning: 'The work queue, run or query does not exist, or the work queue was deleted.',
    retried: false,
  },
  invalid_input: {
    meaning: 'An item, a signal payload or the input of a component violates its schema.',
    retried: false,
  },
  schema_too_complex: {
    meaning: 'A value needs more evaluations of its JSON Schema than are allowed.',
    retried: false,
  },
  permission_denied: {
    meaning: 'The child may not signal or query its parent.',
    retried: false,
  },
  conflict: { meaning: 'The run that was addressed has ended.', retried: false },
  query_answer_unfit: {
    meaning: 'The answer of a query violates its `return_type`.',
    retried: false,
  },
  unknown_prompt: {
    meaning: 'The version of the workflow was published without the prompt.',
    retried: false,
  },
  invalid_prompt_variables: {
    meaning: '`variables` does not match the variables that the prompt declares.',
    retried: false,
  },
  unknown_component: { meaning: 'The component does not exist.', retried: false },
  inactive_component: {
    meaning: 'The component is not active, or the application may no longer use it.',
    retried: false,
  },
  invalid_config: {
    meaning: 'The config violates its schema after its templates were evaluated.',
    retried: false,
  },
  invalid_definition: {
    meaning: 'An expression cannot be compiled, or uses a secret where none is allowed.',
    retried: false,
  },
  expression_failed: { meaning: 'An expression raised an error.', retried: false },
  expression_syntax: {
    meaning: 'An expression that was built at run time cannot be parsed.',
    retried: false,
  },
  expression_timeout: { meaning: 'An expression exceeded its time limit.', retried: true },
  expression_too_large: {
    meaning: 'An expression produced a value over the size limit.',
    retried: false,
  },
  expression_too_deep: { meaning: 'An expression nests too deeply.', retried: false },
  unsafe_number: {
    meaning: 'The expression of a query or a prompt contains a number that a double cannot hold.',
    retried: false,
  },
  number_not_finite: {
    meaning: 'The result of an expression or of code contains NaN or Infinity.',
    retried: false,
  },
  code_syntax: { meaning: 'Code cannot be parsed.', retried: false },
  code_failed: { meaning: 'Code threw an error.', retried: false },
  code_never_settles: { meaning: 'Code returned a promise that never settles.', retried: false },
  code_memory: { meaning: 'Code exceeded its memory limit.', retried: false },
  code_output_too_large: { meaning: 'Code returned a value over 4 MB.', retried: false },
  invalid_output: {
    meaning: 'The output violates the schema of its component, or the database cannot store it.',
    retried: 'only the output of a component',
  },
  secret_host_not_allowed: {
    meaning:
      'The host is not one of those that may receive the secret. An admin or the operator changes the list.',
    retried: false,
  },
  lease_lost: {
    meaning:
      'The worker lost its lease before it could read a secret, call a component or store an output.',
    retried: true,
  },
  secret_not_found: { meaning: 'The application has no secret of this name.', retried: false },
  step_crashed: { meaning: 'An unexpected error in the step handler.', retried: true },
  worker_lost: {
    meaning: 'Five workers crashed while they executed this attempt.',
    retried: false,
  },
  unknown_assignee: {
    meaning: '`assigned_to` is not the id of a member of the application.',
    retried: false,
  },
  unknown_role: {
    meaning: '`role` names a role that the application does not have.',
    retried: false,
  },
  unknown_step_type: {
    meaning: 'The worker does not know the step type: its version is too old.',
    retried: false,
  },
  unknown_step: {
    meaning: 'The worker does not find the node in the plan of the version.',
    retried: false,
  },
  engine_timeout: {
    meaning:
      'The database did not process the result of the step, or its due time, within the limit for a statement.',
    retried: false,
  },
  engine_error: {
    meaning: 'The engine failed when the step was due. Redrive the run to continue from there.',
    retried: false,
  },
} as const satisfies Readonly<Record<string, StepErrorInfo>>;

/** Further codes in `runs.error`; a failed run has the code of the step that failed it. */
export const RUN_ERRORS: Readonly<Record<string, string>> = {
  cancelled: 'A member cancelled the run.',
  parent_closed: 'The run was cancelled when its parent ended (`parent_close_policy`).',
  continued_on_version: 'Another run continues it on another version of its workflow.',
  timeout: 'The run exceeded the `execution_timeout_seconds` of its workflow.',
  engine_closed:
    'The workflow in Temporal ended before its run: it was terminated or reset there, failed, or was deleted.',
  engine_refused:
    'Temporal does not accept a message for the workflow, which is too large, for example.',
  mirror_failed: 'The database rejects an event of Temporal.',
};

/** Further codes in `last_error` of schedules and triggers. */
export const START_ERRORS: Readonly<Record<string, string>> = {
  invalid_schedule: 'The worker cannot parse the cron expression or the time zone.',
  not_started: 'The database refused the start for a reason that has no code of its own.',
};

/** Codes in `errors` of `invalid_definition`. */
export const DEFINITION_PROBLEMS: Readonly<Record<string, string>> = {
  not_an_object: 'The definition is not an object.',
  nodes_not_an_array: '`nodes` is not an array.',
  edges_not_an_array: '`edges` is not an array.',
  too_large:
    'The definition has more than 2,000 nodes, 10,000 edges or 4 MB, a node with a text of more than 65,536 characters, or texts of more than 1,048,576 characters, or 131,072 quotes, braces and slashes, together.',
  empty: 'The definition has no node.',
  invalid_node: 'A node, or its `data`, is not an object.',
  missing_id: 'A node has no `id`.',
  invalid_id:
    'An `id` does not start with a letter, contains other characters than letters, digits, `_` and `-`, or exceeds 63 characters.',
  duplicate_node: 'Several nodes have the same `id`.',
  unknown_step_type: 'The step type does not exist.',
  invalid_config: 'The config violates the schema of its step type.',
  unknown_key:
    'A definition, node, edge, config, retry policy or compensation has a key that it does not know.',
  invalid_timeout: '`timeout_ms` is not an integer from 1 to 2147483647.',
  invalid_retry: 'The retry policy is not valid.',
  invalid_on_error: '`on_error` is neither `fail` nor `continue`.',
  invalid_join: '`join` is neither `all` nor `any`.',
  invalid_edge: 'An edge is not an object with `id`, `source` and `target`.',
  duplicate_edge: 'Several edges have the same `id`.',
  dangling_edge: 'The source or the target of an edge does not exist.',
  invalid_handle: 'An edge leaves by a handle that its source does not have.',
  cycle: 'The node is part of a cycle.',
  unknown_reference: 'An expression reads a step that does not exist.',
  reference_not_upstream: 'An expression reads a step that no path leads from.',
  unsafe_number: 'An expression contains a number that a double cannot hold.',
  secret_not_allowed: 'A template uses a secret in a step type whose config is stored.',
  unknown_component: 'The component does not exist or is not visible to the application.',
  unknown_tool: 'A tool of an agent is no component or workflow that the application may use.',
  duplicate_tool: 'Several tools of an agent have the same name.',
  tool_not_allowed:
    'The agent compensates a step, or its component has an endpoint; such an agent cannot have tools.',
  unknown_prompt: 'The prompt does not exist or is not visible to the application.',
  invalid_prompt_variables:
    '`variables` lacks a variable of the prompt, has one that it does not declare, or a literal of a wrong type.',
  child_never_starts:
    'A step starts a child that is blocked until another child has completed, but no earlier step starts that child.',
};

/** Further codes of faults, which the checker in TypeScript finds (functions/_shared/checker). */
export const CHECKER_FAULTS: Readonly<Record<string, string>> = {
  not_compilable:
    'Temporal cannot execute the node. Only [compiling](../guides/compile-for-temporal.md) raises it.',
  expression_syntax: 'An expression or a template cannot be parsed.',
  expression_too_large: 'An expression is too long.',
  expression_too_deep: 'An expression nests too deeply.',
  code_syntax: 'Code cannot be parsed.',
  secret_not_literal: 'A template names a secret in another form than `secrets.<name>`.',
  unknown_name: 'An expression begins with a name that expressions do not have.',
  unknown_property:
    'An expression reads a property that the schema of the input, or the output of the step, excludes.',
  undeclared_property:
    'An expression reads a property that its schema does not name, but a similar one. A warning.',
  edge_never_taken: 'No value of the condition is the handle of the edge.',
  value_takes_no_edge: 'A value of the condition is the handle of no edge. A warning.',
  invalid_child_input:
    'The input for a child workflow does not match the input schema of the child.',
  deprecated_prompt: 'A step names a prompt that is deprecated. A warning.',
  not_checked: 'The checker failed. A warning.',
};
