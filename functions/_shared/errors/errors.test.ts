// The map from SQLSTATE to code and status; messages of PostgreSQL do not reach the caller.
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { AppError, ERRORS, problemResponse, SQLSTATES, toAppError, toProblem } from './index.ts';

function raised(code: string, detail?: string): Error {
  return Object.assign(new Error('there is no such run'), { code, detail });
}

Deno.test('the digits of every SQLSTATE of class SB are its HTTP status, apart from these', () => {
  const odd: Record<string, number> = {
    SB411: 409,
    SB413: 403,
    SB414: 410,
    SB423: 422,
    SB424: 409,
    SB425: 422,
    SB430: 429,
    SB431: 422,
  };
  for (const [state, code] of Object.entries(SQLSTATES)) {
    if (!state.startsWith('SB')) continue;
    strictEqual(ERRORS[code].status, odd[state] ?? Number(state.slice(2)), state);
  }
});

Deno.test('an error of class SB keeps its message and the members of its detail', () => {
  const error = toAppError(
    raised('SB422', '{"code":"invalid_input","errors":[{"path":"/id","message":"is required"}]}'),
  );
  deepStrictEqual(toProblem(error, 'r1'), {
    errors: [{ path: '/id', message: 'is required' }],
    type: 'urn:stepbase:problem:invalid_input',
    title: 'The input does not match its schema',
    status: 422,
    detail: 'there is no such run',
    code: 'invalid_input',
    instance: 'urn:stepbase:request:r1',
  });
});

Deno.test('the problem document of a definition lists every fault', () => {
  const errors = [
    {
      node: 'a',
      pointer: '/nodes/0/data/retry/delay',
      code: 'unknown_key',
      message: 'm',
      hint: 'h',
    },
    { node: null, pointer: '/viewPort', code: 'unknown_key', message: 'm' },
  ];
  const detail = JSON.stringify({ code: 'invalid_definition', node_id: 'a', errors });
  const problem = toProblem(toAppError(raised('SB423', detail)));
  deepStrictEqual(problem.errors, errors);
  strictEqual(problem.code, 'invalid_definition');
  strictEqual(problem.status, 422);
});

Deno.test('if the detail is not JSON or has an unknown code, the map gives the code', () => {
  strictEqual(toAppError(raised('SB404', 'not json')).code, 'not_found');
  strictEqual(toAppError(raised('SB404', '{"code":"made_up"}')).code, 'not_found');
});

Deno.test('extra members cannot replace those of the problem', () => {
  const error = new AppError('conflict', 'no', { extra: { status: 200, code: 'fine' } });
  strictEqual(toProblem(error).status, 409);
  strictEqual(toProblem(error).code, 'conflict');
});

Deno.test('a value that is too deep or too large for PostgreSQL is an invalid request', () => {
  for (const code of ['54000', '54001', '2201B', '22P02']) {
    strictEqual(toAppError(Object.assign(new Error('x'), { code })).status, 400, code);
  }
  strictEqual(toAppError(raised('SB425', '{"code":"schema_too_complex"}')).status, 422);
});

Deno.test("PostgreSQL's own messages are not sent", () => {
  const error = Object.assign(new Error('duplicate key (email)=(a@b.example)'), { code: '23505' });
  strictEqual(toAppError(error).code, 'conflict');
  strictEqual(toAppError(error).message, ERRORS.conflict.title);
  strictEqual(toAppError(new Error('secret inside')).message, ERRORS.internal_error.title);
  strictEqual(toAppError('thrown text').code, 'internal_error');
});

Deno.test('an unavailable database is "unavailable", not an internal error', () => {
  for (const code of ['ECONNREFUSED', '08006', '57P01', '53300']) {
    strictEqual(toAppError(Object.assign(new Error('x'), { code })).code, 'unavailable', code);
  }
  strictEqual(toAppError(new Error('Connection terminated unexpectedly')).code, 'unavailable');
});

Deno.test('the response is problem+json with WWW-Authenticate or Retry-After', async () => {
  const refused = problemResponse(new AppError('not_authenticated', 'sign in'));
  strictEqual(refused.headers.get('content-type'), 'application/problem+json');
  strictEqual(refused.headers.get('www-authenticate'), 'Bearer');
  strictEqual((await refused.json()).code, 'not_authenticated');
  const busy = problemResponse(new AppError('unavailable', 'busy'));
  strictEqual(busy.headers.get('retry-after'), '2');
  await busy.body?.cancel();
});
