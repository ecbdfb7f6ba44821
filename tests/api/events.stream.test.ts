// The event stream of a run: in order and without gaps, with and without Redis, resumed by id, ended by the
// run, and refused to other callers.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedUser, stackInfo, waitFor } from '../support/stack.ts';
import { type Api, call, publishWorkflow, signToken, sql, startApi } from './support.ts';

const { redis_url: redisUrl, redis_token: redisToken } = stackInfo();
/** As in functions/api/stream/response.ts. */
const LIVE_POLL_MS = 5_000;
let plain: Api;
let withRedis: Api;
let workflow: string;
let token: string;

beforeAll(async () => {
  [plain, withRedis] = await Promise.all([
    startApi(),
    startApi({ UPSTASH_REDIS_REST_URL: redisUrl, UPSTASH_REDIS_REST_TOKEN: redisToken }),
  ]);
  workflow = await publishWorkflow(seedUser('admin@acme'));
  token = await signToken(seedUser('admin@acme'));
});
afterAll(async () => {
  await Promise.all([plain?.stop(), withRedis?.stop()]);
});

interface Frame {
  id: number | undefined;
  event: string;
  data: Record<string, unknown>;
  at: number;
}

/** Reads a stream in the background; `closed` is true when the server has ended it. */
function listen(url: string, headers: Record<string, string> = {}) {
  const frames: Frame[] = [];
  const stop = new AbortController();
  const state = { frames, closed: false, stop: () => stop.abort(), status: 0 };
  const done = (async () => {
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream', ...headers },
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(30_000)]),
    });
    state.status = response.status;
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    let rest = '';
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) {
      const text = decoder.decode(bytes, { stream: true });
      const parts = (rest + text).split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(part)?.[1];
        const data = field('data');
        const id = field('id');
        if (data === undefined) continue;
        frames.push({
          id: id === undefined ? undefined : Number(id),
          event: field('event') ?? '',
          data: JSON.parse(data),
          at: Date.now(),
        });
      }
    }
    state.closed = true;
  })().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  return Object.assign(state, { done });
}

async function startRun(api: Api): Promise<string> {
  const { body } = await call(`${api.url}/v1/workflows/${workflow}/runs`, {
    token,
    body: { input: { n: 2 } },
  });
  return String(body.id);
}

async function approve(api: Api, runId: string): Promise<void> {
  const task = await waitFor('the approval is waiting', async () => {
    const { body } = await call(`${api.url}/v1/runs/${runId}`, { token });
    const steps = body.steps as { id: string; status: string }[];
    return steps.find((step) => step.status === 'waiting')?.id;
  });
  const { status } = await call(`${api.url}/v1/approvals/${task}`, {
    token,
    body: { approved: true },
  });
  expect(status).toBe(200);
}

async function eventsOf(runId: string) {
  return await sql<{ seq: number; type: string }>(
    'select seq::int, event_type as type from stepbase.run_events where run_id = $1 order by seq',
    [runId],
  );
}

describe('the event stream of a run', () => {
  it.each(['without Redis', 'with Redis'])('is gapless from snapshot to end, %s', async (kind) => {
    const api = kind === 'with Redis' ? withRedis : plain;
    const runId = await startRun(api);
    const stream = listen(`${api.url}/v1/runs/${runId}/events`);
    await approve(api, runId);
    await waitFor('the stream ends', () => stream.closed);

    const [snapshot, ...rest] = stream.frames;
    expect(snapshot?.event).toBe('snapshot');
    expect(snapshot?.data.run).toMatchObject({ id: runId, event_seq: snapshot?.id });
    expect(rest.at(-1)?.event).toBe('end');
    const events = await eventsOf(runId);
    expect(events.at(-1)?.type).toBe('run.completed');
    expect(rest.slice(0, -1).map(({ data }) => ({ seq: data.seq, type: data.type }))).toEqual(
      events.slice(Number(snapshot?.id)),
    );
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, index) => index + 1));
  });

  it('resumes at Last-Event-ID with exactly the missed events', async () => {
    const runId = await startRun(plain);
    await approve(plain, runId);
    await waitFor('the run is completed', async () => {
      return (await eventsOf(runId)).at(-1)?.type === 'run.completed';
    });
    const all = await eventsOf(runId);
    for (const headers of [{ 'last-event-id': '3' }, { 'last-event-id': String(all.length) }]) {
      const stream = listen(`${plain.url}/v1/runs/${runId}/events`, headers);
      await stream.done;
      const seqs = stream.frames.slice(0, -1).map((frame) => frame.id);
      expect(seqs).toEqual(all.map(({ seq }) => seq).slice(Number(headers['last-event-id'])));
    }
    const odd = await call(`${plain.url}/v1/runs/${runId}/events?after=soon`, { token });
    expect([odd.status, odd.body.code]).toEqual([400, 'invalid_request']);
  });

  it('sends an event on a Redis notification, before the next poll', async () => {
    const runId = await startRun(withRedis);
    const stream = listen(`${withRedis.url}/v1/runs/${runId}/events`);
    await approve(withRedis, runId);
    await waitFor('the stream ends', () => stream.closed);
    // A poll is five seconds after the last read of the stream, so an earlier frame followed a notification.
    const gaps = stream.frames
      .slice(1)
      .map(({ at }, index) => at - (stream.frames[index]?.at ?? 0));
    expect(gaps.length).toBeGreaterThan(0);
    expect(Math.max(...gaps)).toBeLessThan(LIVE_POLL_MS);
  });

  it('ends on the server when the client disconnects', async () => {
    const runId = await startRun(plain);
    const stream = listen(`${plain.url}/v1/runs/${runId}/events`);
    await waitFor('the first frame', () => stream.frames.length > 0);
    stream.stop();
    await stream.done;
    expect((await call(`${plain.url}/healthz`)).status).toBe(200);
    await call(`${plain.url}/v1/runs/${runId}/cancel`, { token, body: {} });
  });

  it('is refused to other apps, to anonymous callers, and for unknown runs', async () => {
    const runId = await startRun(plain);
    const url = `${plain.url}/v1/runs/${runId}/events`;
    const stranger = await call(url, { token: await signToken(seedUser('admin@globex')) });
    expect([stranger.status, stranger.body.code]).toEqual([404, 'not_found']);
    expect((await call(url)).status).toBe(401);
    const none = await call(`${plain.url}/v1/runs/${randomUUID()}/events`, { token });
    expect(none.status).toBe(404);
    await call(`${plain.url}/v1/runs/${runId}/cancel`, { token, body: {} });
  });

  it('ends when the token expires', async () => {
    const runId = await startRun(plain);
    const short = await signToken(seedUser('admin@acme'), {
      expiresAt: Math.floor(Date.now() / 1000) + 2,
    });
    const stream = listen(`${plain.url}/v1/runs/${runId}/events`, {
      authorization: `Bearer ${short}`,
    });
    await waitFor('the stream ends', () => stream.closed);
    expect(stream.frames.some(({ event }) => event === 'end')).toBe(false);
    await call(`${plain.url}/v1/runs/${runId}/cancel`, { token, body: {} });
  });
});
