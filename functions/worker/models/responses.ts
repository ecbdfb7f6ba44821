// The responses of model endpoints before the AI SDK reads them. An OpenAI-compatible endpoint may give a detail in
// another form than OpenAI; such a detail must not decide over a good answer.

export type Json = Record<string, unknown>;

/** The tool calls of an answer that are read. */
const MAX_CALLS = 128;

export function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** A chat completion in the form that the AI SDK accepts; another body is returned unchanged. */
export function normalizeCompletion(body: unknown): unknown {
  const [choice] = isRecord(body) ? list(body.choices) : [];
  if (!isRecord(body) || !isRecord(choice) || !isRecord(choice.message)) return body;
  const { message } = choice;
  const calls = withOwnIds(
    list(message.tool_calls).filter(isRecord).slice(0, MAX_CALLS).map(normalizeCall),
  );
  return {
    choices: [
      {
        finish_reason: typeof choice.finish_reason === 'string' ? choice.finish_reason : null,
        message: {
          role: 'assistant',
          content: textIn(message.content) ?? null,
          ...(calls.length === 0 ? {} : { tool_calls: calls }),
        },
      },
    ],
    ...(isRecord(body.usage) ? { usage: normalizeUsage(body.usage) } : {}),
  };
}

/** A text, or the texts of a list of parts. */
export function textIn(content: unknown): string | undefined {
  if (typeof content === 'string') return content;
  const texts = list(content)
    .map((part) => (isRecord(part) ? part.text : part))
    .filter((text) => typeof text === 'string');
  return texts.length === 0 ? undefined : texts.join('');
}

function normalizeCall(call: Json, index: number): Json {
  const called = isRecord(call.function) ? call.function : {};
  const { name, arguments: given } = called;
  return {
    id: typeof call.id === 'string' && call.id !== '' ? call.id : `call_${index}`,
    type: 'function',
    function: {
      name: typeof name === 'string' ? name : 'unnamed',
      arguments: typeof given === 'string' ? given : JSON.stringify(given ?? {}),
    },
  };
}

/** The SDK takes two calls with one id for the same call. */
function withOwnIds(calls: readonly Json[]): Json[] {
  const taken = new Set(calls.map(({ id }) => id));
  const seen = new Set<unknown>();
  return calls.map((call, index) => {
    let { id } = call;
    if (seen.has(id)) {
      do id = `${String(id)}_${index}`;
      while (taken.has(id));
    }
    taken.add(id);
    seen.add(id);
    return { ...call, id };
  });
}

/** An answer without the tool calls that are too many: each would be stored, and told to the model as an error. */
export function withFewCalls(body: unknown): unknown {
  if (!isRecord(body)) return body;
  const few = (items: unknown) => {
    let calls = 0;
    return list(items).filter((item) => !isCall(item) || ++calls <= MAX_CALLS);
  };
  return {
    ...body,
    ...(Array.isArray(body.content) ? { content: few(body.content) } : {}),
    ...(Array.isArray(body.output) ? { output: few(body.output) } : {}),
  };
}

/** As Anthropic and the responses of OpenAI name them. */
const isCall = (item: unknown) =>
  isRecord(item) && (item.type === 'tool_use' || item.type === 'function_call');

/** A larger count is a mistake of the endpoint, and could not be added to the counts of the day. */
const MAX_COUNT = 1e12;

const count = (value: unknown): number | undefined =>
  typeof value === 'number' && value >= 0 && value <= MAX_COUNT ? value : undefined;

function normalizeUsage(usage: Json): Json {
  const cached = count(detail(usage.prompt_tokens_details, 'cached_tokens'));
  const reasoning = count(detail(usage.completion_tokens_details, 'reasoning_tokens'));
  return {
    prompt_tokens: count(usage.prompt_tokens),
    completion_tokens: count(usage.completion_tokens),
    total_tokens: count(usage.total_tokens),
    ...(cached === undefined ? {} : { prompt_tokens_details: { cached_tokens: cached } }),
    ...(reasoning === undefined
      ? {}
      : { completion_tokens_details: { reasoning_tokens: reasoning } }),
  };
}

function detail(details: unknown, name: string): unknown {
  return isRecord(details) ? details[name] : undefined;
}

/** The reason that a model gives for not answering, in the chat and the responses protocol of OpenAI. */
export function refusalIn(body: unknown): string | undefined {
  if (!isRecord(body)) return undefined;
  const messages = [
    ...list(body.choices).map((choice) => (isRecord(choice) ? choice.message : undefined)),
    ...list(body.output).flatMap((item) => (isRecord(item) ? list(item.content) : [])),
  ];
  for (const message of messages) {
    const refusal = isRecord(message) ? message.refusal : undefined;
    if (typeof refusal === 'string' && refusal !== '') return refusal;
  }
  return undefined;
}

export interface Tokens {
  input: number | null;
  output: number | null;
  total: number | null;
  cached_input: number | null;
  reasoning: number | null;
}

/** The tokens of a response in any protocol; undefined if it names none. */
export function tokensIn(body: unknown): Tokens | undefined {
  const usage = isRecord(body) && isRecord(body.usage) ? body.usage : {};
  const read = count(usage.cache_read_input_tokens);
  const written = count(usage.cache_creation_input_tokens);
  const cached =
    read ??
    count(detail(usage.prompt_tokens_details, 'cached_tokens')) ??
    count(detail(usage.input_tokens_details, 'cached_tokens'));
  const counted = count(usage.prompt_tokens) ?? count(usage.input_tokens);
  // Anthropic counts cached tokens apart from the others.
  const input = counted === undefined ? undefined : counted + (read ?? 0) + (written ?? 0);
  const output = count(usage.completion_tokens) ?? count(usage.output_tokens);
  const sum =
    input === undefined && output === undefined ? undefined : (input ?? 0) + (output ?? 0);
  const total = count(usage.total_tokens) ?? sum;
  if (total === undefined) return undefined;
  const reasoning =
    count(detail(usage.completion_tokens_details, 'reasoning_tokens')) ??
    count(detail(usage.output_tokens_details, 'reasoning_tokens'));
  return {
    input: input ?? null,
    output: output ?? null,
    total,
    cached_input: cached ?? null,
    reasoning: reasoning ?? null,
  };
}
