// A model for the tests: the endpoint of OPENAI_BASE_URL if there is a key, otherwise a server that speaks the same protocol
// and reads invoices with regular expressions.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { failure, type MockCall } from 'stepbase-test';

export interface Model {
  name: string;
  /** Answers the step as the endpoint does. */
  ask(call: MockCall): Promise<unknown>;
  close(): void;
}

interface Chat {
  messages: { role: string; content: string }[];
}

function read(text: string): object {
  const [, supplier = '', number = '', total = '0'] =
    /^(.*)\nInvoice (\S+)\nTotal (\S+)/.exec(text) ?? [];
  const confidence = supplier === '' || total.includes('?') ? 0.4 : 0.98;
  return { supplier, number, total: Number.parseFloat(total), confidence };
}

async function startFake(): Promise<{ url: string; close(): void }> {
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const question = (JSON.parse(text) as Chat).messages.at(-1)?.content ?? '';
    const message = { role: 'assistant', content: JSON.stringify(read(question)) };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ choices: [{ message, finish_reason: 'stop' }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => void server.close() };
}

export async function startModel(): Promise<Model> {
  const { OPENAI_API_KEY: key, OPENAI_BASE_URL, OPENAI_MODEL } = process.env;
  const fake = key ? undefined : await startFake();
  const base = fake?.url ?? OPENAI_BASE_URL ?? 'https://api.openai.com/v1';
  const name = OPENAI_MODEL ?? 'gpt-4o-mini';
  return {
    name,
    close: () => fake?.close(),
    async ask({ config }) {
      const response = await fetch(`${base}/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key ?? 'none'}` },
        body: JSON.stringify({
          model: config.model,
          messages: [
            { role: 'system', content: config.system },
            { role: 'user', content: config.prompt },
          ],
          response_format: {
            type: 'json_schema',
            json_schema: { name: 'answer', schema: config.response_schema },
          },
        }),
      });
      if (!response.ok) return failure('http_status', `the model answered ${response.status}`);
      const { choices } = (await response.json()) as {
        choices: { message: { content: string } }[];
      };
      const text = choices[0]?.message.content ?? '';
      return {
        text,
        object: JSON.parse(text),
        finish_reason: 'stop',
        provider: 'test',
        model: name,
      };
    },
  };
}
