// For `node:http`: a listener from a function of Request and Response. The types are those that it needs of Node's.
import { MAX_BYTES } from './body.ts';

interface Incoming extends AsyncIterable<Uint8Array> {
  method?: string | undefined;
  url?: string | undefined;
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

interface Outgoing {
  writeHead(status: number, headers: Record<string, string>): unknown;
  end(body?: Uint8Array): unknown;
}

const BASE = 'http://localhost';

/** A listener for `http.createServer`. */
export function toNodeListener(
  handle: (request: Request) => Promise<Response>,
): (incoming: Incoming, outgoing: Outgoing) => void {
  return (incoming, outgoing) => {
    respond(handle, incoming, outgoing).catch((error: unknown) => {
      console.error(error);
      outgoing.writeHead(500, {});
      outgoing.end();
    });
  };
}

async function respond(
  handle: (request: Request) => Promise<Response>,
  incoming: Incoming,
  outgoing: Outgoing,
): Promise<void> {
  const { method = 'GET', url = '/' } = incoming;
  const refuse = (status: number) => {
    outgoing.writeHead(status, { connection: 'close' });
    outgoing.end();
  };
  // Handlers read the path only; the host of a request may be anything.
  const address = URL.canParse(url, BASE) ? new URL(url, BASE) : undefined;
  if (address === undefined) return refuse(400);
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    for (const one of [value ?? []].flat()) headers.append(name, one);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    size += chunk.length;
    // The rest is read and dropped: to leave the loop would cut the connection before the answer.
    if (size <= MAX_BYTES) chunks.push(chunk);
  }
  if (size > MAX_BYTES) return refuse(413);
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const request = new Request(address, {
    method,
    headers,
    ...(hasBody ? { body: await new Blob(chunks as BlobPart[]).text() } : {}),
  });
  const response = await handle(request);
  // Read first: after the status is sent, an error could not be answered any more.
  const body = new Uint8Array(await response.arrayBuffer());
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.end(body);
}
