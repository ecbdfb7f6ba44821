// For `node:http`: a listener from a function of Request and Response. The types are those that it needs of Node's.

interface Incoming extends AsyncIterable<Uint8Array> {
  method?: string | undefined;
  url?: string | undefined;
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

interface Outgoing {
  writeHead(status: number, headers: Record<string, string>): unknown;
  end(body?: Uint8Array): unknown;
}

/** A call has an input of at most some MB. */
const MAX_BYTES = 16 * 1024 * 1024;

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
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    for (const one of [value ?? []].flat()) headers.append(name, one);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    size += chunk.length;
    if (size > MAX_BYTES) {
      outgoing.writeHead(413, { connection: 'close' });
      outgoing.end();
      return;
    }
    chunks.push(chunk);
  }
  const hasBody = method !== 'GET' && method !== 'HEAD';
  // Handlers read the path only; the host of a request may be anything.
  const request = new Request(new URL(url, 'http://localhost'), {
    method,
    headers,
    ...(hasBody ? { body: await new Blob(chunks as BlobPart[]).text() } : {}),
  });
  const response = await handle(request);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.end(new Uint8Array(await response.arrayBuffer()));
}
