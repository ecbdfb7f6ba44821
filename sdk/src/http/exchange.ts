// One HTTP request with JSON: its answer, or an error of the SDK from problem+json.
import {
  type ErrorFacts,
  errorOf,
  errorOfStatus,
  InvalidRequestError,
  isErrorCode,
  NetworkError,
  StepbaseError,
} from '../errors/errors.ts';

export type Fetch = typeof fetch;

export interface Exchange {
  url: string;
  method: string;
  headers?: Readonly<Record<string, string>> | undefined;
  body?: object | undefined;
  signal: AbortSignal;
  /** How long to wait for the status, in milliseconds; default: until the signal. The body may take longer. */
  answerMs?: number | undefined;
  /** Default: the global `fetch`. */
  fetch?: Fetch | undefined;
}

/** Resolves with an answer of success; rejects with the error of every other one. */
export async function exchange(request: Exchange): Promise<Response> {
  const { url, method, headers, signal, answerMs } = request;
  const body = request.body === undefined ? undefined : jsonOf(request.body);
  const silence = new AbortController();
  const timer =
    answerMs === undefined
      ? undefined
      : setTimeout(() => silence.abort(new Error(`no status in ${answerMs} ms`)), answerMs);
  let response: Response;
  try {
    response = await (request.fetch ?? fetch)(url, {
      method,
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
      signal: timer === undefined ? signal : AbortSignal.any([signal, silence.signal]),
    });
  } catch (error) {
    throw new NetworkError(`${method} ${url} was not answered: ${textOf(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** Only JSON can be sent: a BigInt or a circle is a mistake of the caller, and no request follows. */
function jsonOf(body: object): string {
  try {
    return JSON.stringify(body);
  } catch (error) {
    const message = `The arguments are not JSON: ${textOf(error)}`;
    throw new InvalidRequestError('invalid_request', message, { cause: error });
  }
}

/** The JSON of the answer; undefined without a body. */
export async function exchangeJson<T>(request: Exchange): Promise<T> {
  const response = await exchange(request);
  const label = `${request.method} ${request.url}`;
  const text = await response.text().catch((error: unknown) => {
    throw new NetworkError(`${label}: the answer broke off`, { cause: error });
  });
  if (text === '') return undefined as T;
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    const { status } = response;
    const message = `${label}: the answer is not JSON`;
    throw new StepbaseError('invalid_response', message, { status, cause: error });
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const STANDARD = new Set(['type', 'title', 'status', 'detail', 'code', 'path', 'instance']);

/** The error of an answer: its problem+json, or its status if a gateway has answered. */
async function problemOf(response: Response): Promise<StepbaseError> {
  const body = membersOf(await response.text().catch(() => ''));
  const { status, headers } = response;
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  const requestId = headers.get('x-request-id');
  const facts: ErrorFacts = {
    status,
    details: Object.fromEntries(Object.entries(body).filter(([name]) => !STANDARD.has(name))),
    ...(requestId === null ? {} : { requestId }),
    ...(Number.isFinite(seconds) ? { retryAfterMs: seconds * 1_000 } : {}),
  };
  const { code, detail, title, message } = body;
  const text = [detail, title, message].find((one) => typeof one === 'string' && one !== '');
  const described = typeof text === 'string' ? text : `The answer has the status ${status}`;
  return isErrorCode(code)
    ? errorOf(code, described, facts)
    : errorOfStatus(status, described, facts);
}

function membersOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
