// A model that streams: a member of the application watches the text grow over Realtime, other users do not, and no table
// keeps it.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HttpServer, serveHttp } from '../../../scripts/fakes/http.ts';
import { type Inbox, inbox, type StackClient, signedIn } from '../../support/stack.ts';
import { node, type TestApp, testApp } from '../support.ts';

let b: TestApp;
let model: HttpServer;
/** Lets the model write its next word. */
let release: (() => void)[] = [];
const gates = ['Hello ', 'sk-split', '-secret and ', 'goodbye.'].map(
  (word) => [word, Promise.withResolvers<void>()] as const,
);

const event = (data: object) => `data: ${JSON.stringify(data)}\n\n`;
async function* words(): AsyncGenerator<string> {
  for (const [content, { promise }] of gates) {
    await promise;
    yield event({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });
  }
  yield event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
  yield 'data: [DONE]\n\n';
}

beforeAll(async () => {
  b = await testApp();
  model = await serveHttp(() => ({
    headers: { 'content-type': 'text/event-stream' },
    parts: words(),
  }));
  release = gates.map(([, { resolve }]) => resolve);
});
afterAll(() => model?.stop());

interface Piece {
  step_id: string;
  attempt: number;
  call: number;
  seq: number;
  offset: number;
  text: string;
  done: boolean;
}

/** Resolves with what Realtime reports about the join. */
function watch(as: StackClient, runId: string, pieces: Inbox<Piece>): Promise<string> {
  const channel = as.channel(`stepbase:run:${runId}`, { config: { private: true } });
  channel.on('broadcast', { event: 'text' }, ({ payload }) => pieces.push(payload as Piece));
  return new Promise((resolve) => {
    void as.realtime.setAuth().then(() => channel.subscribe(resolve));
  });
}

test('watchers see the text grow, without secrets, and take the output at the end', async () => {
  const { error } = await b.admin.rpc('set_secret', {
    name: 'stream_key',
    value: 'sk-split-secret',
  });
  expect(error).toBeNull();
  const workflow = await b.publish([
    node('ask', 'llm_call', {
      ...{ model: 'm', prompt: 'hi', stream: true },
      ...{ base_url: `${model.url}/v1`, api_key: '{{ secrets.stream_key }}' },
    }),
  ]);
  const { id } = await b.start(workflow);
  const [pieces, foreign] = [inbox<Piece>(), inbox<Piece>()];
  expect(await watch(b.developer, id, pieces)).toBe('SUBSCRIBED');
  const other = await signedIn('developer@globex', b.stack);
  expect(await watch(other, id, foreign)).toBe('CHANNEL_ERROR');

  release[0]?.();
  expect(await pieces.next('the first word', ({ seq }) => seq === 1)).toMatchObject({
    ...{ step_id: 'ask', attempt: 1, call: 0, offset: 0, text: 'Hello ', done: false },
  });
  // The beginning of a secret waits for what follows.
  for (const next of release) next();
  await pieces.next('the last piece', ({ done }) => done);
  const text = 'Hello *** and goodbye.';
  expect(pieces.all.map(({ text: piece }) => piece).join('')).toBe(text);
  let length = 0;
  for (const [place, piece] of pieces.all.entries()) {
    expect([piece.seq, piece.offset]).toEqual([place + 1, length]);
    length += piece.text.length;
  }
  const { step } = await b.ended(id);
  expect(step('ask').output).toMatchObject({ text });
  expect(foreign.all).toEqual([]);
  const { rows } = await b.db.query(
    "select 1 from realtime.messages where topic = 'stepbase:run:' || $1 and event = 'text'",
    [id],
  );
  expect(rows).toEqual([]);
});
