// The sample model: an endpoint of OpenAI's chat completions, whole or as a stream of events, with tools and with
// answers by a JSON Schema. It needs no network and answers the same question the same way.

import { z } from 'zod';
import type { Received, Reply } from '../fakes/http.ts';
import { choose, invent, type Schema, words } from './answers.ts';
import { proposeChange } from './assistant.ts';

/** The key that the endpoint accepts. It protects nothing: the endpoint listens on this machine only. */
export const MODEL_KEY = 'sk-sample-world';

const MODELS = ['gpt-5-mini', 'gpt-4o-mini'];

const schema = z.custom<Schema>((value) => typeof value === 'object' && value !== null);
const part = z.looseObject({ text: z.string().optional() });
const chatRequest = z.object({
  model: z.string().min(1),
  messages: z
    .array(
      z.object({
        role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
        content: z.union([z.string(), z.array(part)]).nullish(),
      }),
    )
    .min(1),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  response_format: z
    .object({ type: z.string(), json_schema: z.object({ schema: schema.optional() }).nullish() })
    .nullish(),
  tools: z
    .array(z.object({ function: z.object({ name: z.string(), parameters: schema.optional() }) }))
    .nullish(),
});
type ChatRequest = z.infer<typeof chatRequest>;

interface Message {
  role: string;
  text: string;
}

interface ToolCall {
  id: string;
  type: 'function';
  function: { name: string; arguments: string };
}

interface Answer {
  content: string | null;
  tool_calls?: ToolCall[];
}

interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
}

export function answerModel({ method, path, headers, body }: Received, pauseMs = 0): Reply {
  if (headers.authorization !== `Bearer ${MODEL_KEY}`) {
    return failure(401, 'invalid_api_key', 'The key of the sample model is wrong');
  }
  if (method === 'GET' && path === '/v1/models') {
    return { body: { object: 'list', data: MODELS.map((id) => ({ id, object: 'model' })) } };
  }
  if (method !== 'POST' || path !== '/v1/chat/completions') {
    return failure(404, 'not_found', `The sample model has no ${method} ${path}`);
  }
  const given = chatRequest.safeParse(body);
  if (!given.success) {
    const [issue] = given.error.issues;
    const message = `${issue?.path.join('.') || 'The body'}: ${issue?.message ?? 'is not valid'}`;
    return failure(400, 'invalid_request', message);
  }
  const request = given.data;
  const messages = request.messages.map(({ role, content }) => ({ role, text: textOf(content) }));
  const answer = callTools(request, messages) ?? { content: write(request, messages) };
  const usage = usageOf(messages, answer);
  return request.stream
    ? stream(request, answer, usage, pauseMs)
    : { body: completion(request.model, answer, usage) };
}

const failure = (status: number, code: string, message: string): Reply => ({
  status,
  body: { error: { message, type: 'invalid_request_error', code } },
});

const textOf = (content: ChatRequest['messages'][number]['content']): string =>
  typeof content === 'string' ? content : (content ?? []).map(({ text }) => text ?? '').join('\n');

const questionIn = (messages: readonly Message[]): string =>
  messages.findLast(({ role }) => role === 'user')?.text ?? '';

/** Calls each tool once, with arguments from the question; answers when the results are there. */
function callTools({ tools }: ChatRequest, messages: readonly Message[]): Answer | undefined {
  if (!tools?.length || messages.some(({ role }) => role === 'tool')) return undefined;
  const question = questionIn(messages);
  const tool_calls = tools.map(({ function: { name, parameters } }, index) => ({
    id: `call_${index + 1}`,
    type: 'function' as const,
    function: { name, arguments: JSON.stringify(invent(parameters ?? {}, question, name)) },
  }));
  return { content: null, tool_calls };
}

function write({ response_format: format }: ChatRequest, messages: readonly Message[]): string {
  const question = questionIn(messages);
  const wanted = format?.type === 'json_schema' ? format.json_schema?.schema : undefined;
  const sentence = proposeChange(question) ?? judge(question, messages);
  return wanted ? JSON.stringify(invent(wanted, question, 'answer', () => sentence)) : sentence;
}

/** Says what kind of note the question quotes, and what the tools found. */
function judge(question: string, messages: readonly Message[]): string {
  const kind = choose(['complaint', 'question', 'praise'], question);
  const urgent = /\burgent/i.test(question);
  const quoted = /"note"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(question)?.[1] ?? question.slice(0, 120);
  const results = messages.filter(({ role }) => role === 'tool').map(({ text }) => text);
  const tier = results.map((text) => /"tier"\s*:\s*"(\w+)"/.exec(text)?.[1]).find(Boolean);
  return [
    `This is ${urgent ? 'urgent' : 'not urgent'}: it is a ${String(kind)} (“${quoted}”).`,
    ...(tier ? [`The customer has the tier ${tier}.`] : []),
  ].join(' ');
}

/** A word counts as a token. */
function usageOf(messages: readonly Message[], { content, tool_calls = [] }: Answer): Usage {
  const prompt_tokens = messages.reduce((sum, { text }) => sum + words(text), 0);
  const written = [content ?? '', ...tool_calls.map((call) => call.function.arguments)];
  const completion_tokens = Math.max(
    written.reduce((sum, text) => sum + words(text), 0),
    1,
  );
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}

const about = (model: string, object: string) => ({
  id: 'chatcmpl-sample',
  object,
  created: 0,
  model,
});
const reasonOf = ({ tool_calls }: Answer) => (tool_calls ? 'tool_calls' : 'stop');

function completion(model: string, answer: Answer, usage: Usage): object {
  const message = { role: 'assistant', refusal: null, ...answer };
  return {
    ...about(model, 'chat.completion'),
    choices: [{ index: 0, message, finish_reason: reasonOf(answer) }],
    usage,
  };
}

function stream(request: ChatRequest, answer: Answer, usage: Usage, pauseMs: number): Reply {
  const event = (data: object) =>
    `data: ${JSON.stringify({ ...about(request.model, 'chat.completion.chunk'), ...data })}\n\n`;
  const delta = (change: object, finish_reason: string | null = null) =>
    event({ choices: [{ index: 0, delta: change, finish_reason }] });
  async function* parts(): AsyncGenerator<string> {
    yield delta({ role: 'assistant' });
    for (const word of answer.content?.match(/\S+\s*/g) ?? []) {
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      yield delta({ content: word });
    }
    for (const [index, call] of (answer.tool_calls ?? []).entries()) {
      yield delta({ tool_calls: [{ index, ...call }] });
    }
    yield delta({}, reasonOf(answer));
    if (request.stream_options?.include_usage) yield event({ choices: [], usage });
    yield 'data: [DONE]\n\n';
  }
  return { headers: { 'content-type': 'text/event-stream' }, parts: parts() };
}
