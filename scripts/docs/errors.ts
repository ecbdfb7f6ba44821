// docs/reference/errors.md: every error code, from functions/_shared/errors.

import {
  CHECKER_FAULTS,
  DEFINITION_PROBLEMS,
  REQUEST_ERRORS,
  RUN_ERRORS,
  START_ERRORS,
  STEP_ERRORS,
  type StepErrorInfo,
} from '../../functions/_shared/errors/codes.ts';
import { ERRORS, type ErrorCode, SQLSTATES } from '../../functions/_shared/errors/index.ts';
import { block, code, generatedFrom, page, table } from './markdown.ts';

const codes = Object.keys(ERRORS) as ErrorCode[];

function statesOf(wanted: ErrorCode, own: boolean): string[] {
  return Object.entries(SQLSTATES)
    .filter(([state, found]) => found === wanted && state.startsWith('SB') === own)
    .map(([state]) => state)
    .sort();
}

const retried = (value: StepErrorInfo['retried']) =>
  typeof value === 'string' ? value : value ? 'yes' : 'no';

const described = (entries: Readonly<Record<string, string>>) =>
  table(
    ['code', 'meaning'],
    Object.entries(entries).map(([name, meaning]) => [code(name), meaning]),
  );

export function errorsPage(): string {
  return page(
    generatedFrom('`functions/_shared/errors/`'),
    '# Errors',
    'Every error has a stable `code`. Messages can change; programs compare codes.',
    '## Errors of RPCs and of the HTTP API',
    'An RPC raises an error of SQLSTATE class `SB`. `details` holds JSON with `code` and further members:',
    block(
      'json',
      '{ "code": "SB404", "message": "There is no such run", "details": "{\\"code\\":\\"not_found\\",\\"run_id\\":\\"…\\"}" }',
    ),
    'The HTTP API answers with `application/problem+json` (RFC 9457). `instance` names the request in the logs:',
    block(
      'json',
      '{ "type": "urn:stepbase:problem:not_found", "title": "Not found", "status": 404,\n  "detail": "There is no such run", "code": "not_found", "instance": "urn:stepbase:request:…" }',
    ),
    table(
      ['code', 'SQLSTATE', 'HTTP status', 'cause and remedy'],
      codes.map((name) => [
        code(name),
        statesOf(name, true).map(code).join(', '),
        String(ERRORS[name].status),
        REQUEST_ERRORS[name],
      ]),
    ),
    "The HTTP API also translates PostgreSQL's own errors. It never passes on their text, because it can contain names and values:",
    table(
      ['SQLSTATE of PostgreSQL', 'code'],
      codes
        .map((name) => [statesOf(name, false).map(code).join(', '), code(name)])
        .filter(([states]) => states !== ''),
    ),
    '## Problems of a definition',
    '`errors` of `invalid_definition` is a list of `{node, pointer, code, message, hint?}`; `pointer` is a JSON pointer (RFC 6901) into the definition. [Validation](../concepts/validation.md) says what is checked when. `publish_workflow` refuses all of these:',
    described(DEFINITION_PROBLEMS),
    '## Faults that the checker finds',
    'The checker finds what SQL cannot decide ([validate a workflow](../guides/validate-a-workflow.md)). The HTTP API refuses to publish a version with an error; warnings prevent nothing.',
    described(CHECKER_FAULTS),
    '## Errors of steps',
    '`step_runs.error` is `{code, message, retryable, details?, retry_after_ms?}`. A retryable error leads to another attempt if the retry policy allows one. `retry_on` and `do_not_retry_on` of a policy name these codes.',
    table(
      ['code', 'meaning', 'retryable'],
      Object.entries(STEP_ERRORS).map(([name, info]) => [
        code(name),
        info.meaning,
        retried(info.retried),
      ]),
    ),
    '## Errors of runs',
    'A run that failed because of a step has the error of that step in `runs.error`, with `step_id`. These codes have other causes:',
    described(RUN_ERRORS),
    'After a [compensation](../guides/compensation.md), `runs.error` can have two more members: `compensation_failed` lists the compensations that failed, `compensation_cancelled` the steps that were not compensated because the run was cancelled with `force`.',
    '## Errors of schedules and triggers',
    '`last_error` of a schedule or trigger, and `error` of a [refused start](../guides/database-triggers.md#refused-starts), hold a code from the first table (for example `invalid_input`, or `limit_reached` after 16 events in a row), or one of these:',
    described(START_ERRORS),
  );
}
