// The body of an event stream: frames in order, and no error when its client leaves while a frame is awaited.
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { eventStream } from './body.ts';

/** Frames that arrive when the test sends them; null ends them. */
function source() {
  const waiting: ((result: IteratorResult<string>) => void)[] = [];
  const early: IteratorResult<string>[] = [];
  const frames: AsyncIterator<string> = {
    next: () => {
      const ready = early.shift();
      return ready ? Promise.resolve(ready) : new Promise((resolve) => waiting.push(resolve));
    },
  };
  const send = (value: string | null) => {
    const result: IteratorResult<string> =
      value === null ? { done: true, value: undefined } : { done: false, value };
    const next = waiting.shift();
    if (next) next(result);
    else early.push(result);
  };
  return { frames, send };
}

function streamOf(frames: AsyncIterator<string>, client = new AbortController()) {
  const seen = { ends: 0, errors: [] as unknown[], closed: false };
  const body = eventStream(frames, {
    signal: client.signal,
    isClosed: () => seen.closed,
    end: () => {
      seen.closed = true;
      seen.ends += 1;
    },
    onError: (error) => seen.errors.push(error),
  });
  return { body, seen };
}

Deno.test('frames arrive in order, and the end of the frames ends the stream', async () => {
  const { frames, send } = source();
  const { body, seen } = streamOf(frames);
  const read = new Response(body).text();
  for (const frame of ['a', 'b', null]) send(frame);
  strictEqual(await read, 'ab');
  deepStrictEqual(seen, { ends: 1, errors: [], closed: true });
});

for (const late of ['a frame', null]) {
  Deno.test(`a client that leaves before ${late ?? 'the end'} arrives causes no error`, async () => {
    const { frames, send } = source();
    const { body, seen } = streamOf(frames);
    const reader = body.getReader();
    const pending = reader.read();
    await reader.cancel();
    send(late);
    await pending;
    await new Promise((resolve) => setTimeout(resolve));
    deepStrictEqual(seen, { ends: 1, errors: [], closed: true });
  });
}

Deno.test('an error of the frames is reported and ends the stream', async () => {
  const problem = new Error('the database is gone');
  const { body, seen } = streamOf({ next: () => Promise.reject(problem) });
  strictEqual(await new Response(body).text(), '');
  deepStrictEqual(seen, { ends: 1, errors: [problem], closed: true });
});

for (const when of ['before', 'after']) {
  Deno.test(`a client that leaves ${when} its stream is made ends it once`, () => {
    const client = new AbortController();
    if (when === 'before') client.abort();
    const { seen } = streamOf(source().frames, client);
    client.abort();
    deepStrictEqual(seen, { ends: 1, errors: [], closed: true });
  });
}
