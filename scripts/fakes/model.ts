// An endpoint that speaks the OpenAI chat protocol. It reads the question and answers the same way every time:
// words of the question choose among a schema's values, so a test can predict the answer and see that it depends on it.

import { invent, type Schema, words } from '../world/answers.ts';
import { type HttpServer, type Received, type Reply, serveHttp } from './http.ts';
import { Recorder } from './recorder.ts';

export interface ChatCall {
  model: string;
  messages: { role: string; content: string }[];
  schema?: Schema | undefined;
  headers: Record<string, string>;
}

export interface Model extends HttpServer {
  calls: Recorder<ChatCall>;
  apiKey: string;
}

/** A message that calls tools has no content. */
interface Message {
  role: string;
  content: string | null;
}

interface ChatRequest {
  model?: string;
  messages?: Message[];
  response_format?: { type: string; json_schema?: { schema?: Schema } };
  tools?: { function: { name: string; parameters?: Schema } }[];
}

export async function startModel(latencyMs = 0): Promise<Model> {
  const apiKey = 'sk-fake';
  const calls = new Recorder<ChatCall>('chat completion');
  const server = await serveHttp((request) => ({
    delayMs: latencyMs,
    ...answer(request, apiKey, calls),
  }));
  return { ...server, url: `${server.url}/v1`, apiKey, calls };
}

function failure(status: number, code: string, message: string): Reply {
  return { status, body: { error: { message, type: 'invalid_request_error', code } } };
}

function answer(request: Received, apiKey: string, calls: Recorder<ChatCall>): Reply {
  if (request.headers.authorization !== `Bearer ${apiKey}`) {
    return failure(401, 'invalid_api_key', 'Incorrect API key provided.');
  }
  if (request.method !== 'POST' || request.path !== '/v1/chat/completions') {
    return failure(404, 'not_found', `Unknown request: ${request.method} ${request.path}`);
  }
  const { model, messages, response_format: format, tools } = request.body as ChatRequest;
  if (typeof model !== 'string' || !Array.isArray(messages) || messages.length === 0) {
    return failure(400, 'invalid_request', 'model and messages are required');
  }
  const schema = format?.type === 'json_schema' ? format.json_schema?.schema : undefined;
  calls.add({
    model,
    messages: messages as ChatCall['messages'],
    schema,
    headers: request.headers,
  });
  return (
    misbehaviour(model) ?? callTools(model, messages, tools) ?? complete(model, messages, schema)
  );
}

/** Models whose calls fail on purpose. */
function misbehaviour(model: string): Reply | undefined {
  switch (model) {
    case 'overloaded':
      return failure(503, 'overloaded', 'The server is overloaded.');
    case 'rate-limited':
      return {
        ...failure(429, 'rate_limit_exceeded', 'Slow down.'),
        headers: { 'retry-after': '2' },
      };
    case 'refuser':
      return completion(model, { content: null, refusal: 'I cannot help with that.' }, 0, 6);
    case 'babbler':
      return completion(model, { content: 'certainly! {"category": ' }, 3, 3);
    default:
      return undefined;
  }
}

/** Calls the tools that the question names, once. */
function callTools(
  model: string,
  messages: readonly Message[],
  tools: ChatRequest['tools'] = [],
): Reply | undefined {
  const question = messages.find((message) => message.role === 'user')?.content ?? '';
  const named = tools.filter(({ function: { name } }) => question.includes(name));
  if (named.length === 0 || messages.some(({ role }) => role === 'tool')) return undefined;
  const calls = named.map(({ function: { name, parameters } }, index) => ({
    id: `call_${index}`,
    type: 'function',
    function: { name, arguments: JSON.stringify(invent(parameters ?? {}, question, name)) },
  }));
  return completion(model, { content: null, tool_calls: calls }, words(question), calls.length);
}

function complete(model: string, messages: readonly Message[], schema: Schema | undefined): Reply {
  const question = messages.findLast((message) => message.role === 'user')?.content ?? '';
  const content =
    schema === undefined
      ? `You asked: ${question.slice(0, 200)} (${words(question)} words)`
      : JSON.stringify(invent(schema, question, 'answer'));
  const asked = messages.reduce((sum, message) => sum + words(message.content ?? ''), 0);
  return completion(model, { content }, asked, words(content));
}

function completion(
  model: string,
  message: { content: string | null; refusal?: string; tool_calls?: object[] },
  promptTokens: number,
  completionTokens: number,
): Reply {
  return {
    body: {
      id: 'chatcmpl-fake',
      object: 'chat.completion',
      created: 0,
      model,
      choices: [
        {
          index: 0,
          message: { role: 'assistant', refusal: null, ...message },
          finish_reason: message.tool_calls === undefined ? 'stop' : 'tool_calls',
        },
      ],
      usage: {
        prompt_tokens: promptTokens,
        completion_tokens: completionTokens,
        total_tokens: promptTokens + completionTokens,
      },
    },
  };
}
