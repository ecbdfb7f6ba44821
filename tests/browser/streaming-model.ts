// A model that streams its answers while a test watches: the first words wait for `begin()`, the others for `end()`.

import { type Received, serveHttp } from '../../scripts/fakes/http.ts';

export interface StreamingModel {
  /** The base address of its API. */
  url: string;
  /** The texts that each call got, in the order of the calls. */
  asked: readonly string[];
  begin(): void;
  end(): void;
  stop(): Promise<void>;
}

const FIRST = 60;

/** `answerOf`: the answer to the n-th call, from 0. */
export async function startStreamingModel(
  answerOf: (call: number) => string,
): Promise<StreamingModel> {
  const first = Promise.withResolvers<void>();
  const rest = Promise.withResolvers<void>();
  const asked: string[] = [];
  const event = (data: object) => `data: ${JSON.stringify({ id: 'x', model: 'm', ...data })}\n\n`;
  const delta = (content: string) => event({ choices: [{ index: 0, delta: { content } }] });
  async function* parts(text: string): AsyncGenerator<string> {
    await first.promise;
    yield delta(text.slice(0, FIRST));
    await rest.promise;
    if (text.length > FIRST) yield delta(text.slice(FIRST));
    yield event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
    yield 'data: [DONE]\n\n';
  }
  const server = await serveHttp(({ body }: Received) => {
    const { messages } = body as { messages: { content: string }[] };
    asked.push(messages.map(({ content }) => content).join('\n'));
    return {
      headers: { 'content-type': 'text/event-stream' },
      parts: parts(answerOf(asked.length - 1)),
    };
  });
  return {
    url: `${server.url}/v1`,
    asked,
    begin: () => first.resolve(),
    end: () => rest.resolve(),
    stop: () => server.stop(),
  };
}
