// Requests of the HTTP API with the credentials of a machine.
import { errorOf } from '../errors/errors.ts';
import { VERSION } from '../version.ts';
import { type Exchange, exchange, exchangeJson, type Fetch } from './exchange.ts';
import { createPosition } from './position.ts';

export interface ApiOptions {
  /** The address of the Supabase project, or of its HTTP API (`…/functions/v1/stepbase-api`). */
  url: string | URL;
  /** An API key of the application (`sbk_…`); on a server, also the secret key with `app`. */
  apiKey: string;
  /** The application, for the secret key of the project; an API key has its own. */
  app?: string | undefined;
  /** The name and version that the header `x-client-info` has; default: those of the SDK. */
  client?: string | undefined;
  /** Default: the global `fetch`. */
  fetch?: Fetch | undefined;
}

export interface ApiRequest extends Omit<Exchange, 'url' | 'fetch'> {
  /** With its query. */
  path: string;
}

const FUNCTION = 'stepbase-api';

function addressOf(url: string | URL): string {
  const text = String(url).replace(/\/+$/, '');
  return text.endsWith(`/${FUNCTION}`) ? text : `${text}/functions/v1/${FUNCTION}`;
}

/** A part of a path. An empty one, or one of dots, would be another path. */
export function segment(id: string): string {
  if (/^\.{0,2}$/.test(id)) {
    throw errorOf('invalid_request', `${JSON.stringify(id)} is not an id or a name`);
  }
  return encodeURIComponent(id);
}

export interface Api {
  send(request: ApiRequest): Promise<Response>;
  json<T>(request: ApiRequest): Promise<T>;
}

export function createApi({ url, apiKey, app, client, fetch }: ApiOptions): Api {
  const address = addressOf(url);
  const own = {
    authorization: `Bearer ${apiKey}`,
    'x-client-info': client ?? `stepbase/${VERSION}`,
    ...(app === undefined ? {} : { 'x-stepbase-app': app }),
  };
  const position = createPosition();
  const complete = ({ path, headers, ...request }: ApiRequest): Exchange => ({
    ...request,
    url: `${address}${path}`,
    headers: { ...headers, ...own, ...position.headers() },
    fetch: (input, init) =>
      position.follow(request.method, () => (fetch ?? globalThis.fetch)(input, init)),
  });
  return {
    send: (request) => exchange(complete(request)),
    json: (request) => exchangeJson(complete(request)),
  };
}
