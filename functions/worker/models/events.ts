// The event streams of model endpoints (text/event-stream), in three protocols. The events of an answer become the body
// that the endpoint would have sent without streaming, so that the AI SDK reads one form of answer.

import { StepError } from '../steps/errors.ts';
import type { Model } from './model.ts';
import { isRecord, type Json, list, textIn } from './responses.ts';

/** The last event of chat completions has no JSON. */
const DONE: Json = { type: '[DONE]' };

/** The data of the events in a stream, piece by piece; data that is no JSON object is left out. */
export class EventReader {
  #rest = '';
  /** A line feed that follows belongs to it. */
  #endsWithReturn = false;

  read(piece: string): Json[] {
    // A long line in many pieces is not searched again with each of them.
    if (!this.#endsWithReturn && !/[\r\n]/.test(piece)) {
      this.#rest += piece;
      return [];
    }
    if (piece === '') return [];
    this.#endsWithReturn = piece.endsWith('\r');
    const lines = (this.#rest + piece).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    // The endpoints write the data of an event in one line.
    return lines.flatMap((line) => {
      if (!line.startsWith('data:')) return [];
      const data = line.slice('data:'.length).trim();
      if (data === '[DONE]') return [DONE];
      const parsed = parsedJson(data);
      return isRecord(parsed) ? [parsed] : [];
    });
  }
}

function parsedJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

export interface Assembler {
  /** Returns the text that the event adds to the answer. Throws a StepError if the event is an error. */
  add(event: Json): string;
  /** The answer; before it is whole, what the endpoint has sent. */
  body(): Json;
  readonly isWhole: boolean;
}

export function createAssembler(provider: Model['provider']): Assembler {
  if (provider === 'openai') return new ResponseEvents();
  return provider === 'anthropic' ? new MessageEvents() : new ChatEvents();
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Anthropic's overloaded_error, a failed response of OpenAI: another attempt, or another model, may succeed. */
function streamError(error: unknown): StepError {
  const message = 'the model endpoint ended its stream with an error';
  return new StepError('llm_bad_response', message, { retryable: true, details: { error } });
}

/** Chat completions. */
class ChatEvents implements Assembler {
  #content = '';
  #refusal = '';
  #finishReason: unknown = null;
  #usage: unknown;
  readonly #calls: { id: string; name: string; arguments: string }[] = [];

  #isDone = false;

  /** Not every endpoint sends both. */
  get isWhole(): boolean {
    return this.#isDone || this.#finishReason !== null;
  }

  add(event: Json): string {
    if (event.error) throw streamError(event.error);
    if (event === DONE) this.#isDone = true;
    if (isRecord(event.usage)) this.#usage = event.usage;
    const [choice] = list(event.choices);
    if (!isRecord(choice)) return '';
    if (typeof choice.finish_reason === 'string') this.#finishReason = choice.finish_reason;
    const delta = isRecord(choice.delta) ? choice.delta : {};
    this.#refusal += text(delta.refusal);
    for (const [place, call] of list(delta.tool_calls).filter(isRecord).entries()) {
      this.#addCall(call, place);
    }
    const added = textIn(delta.content) ?? '';
    this.#content += added;
    return added;
  }

  #addCall({ index, id, function: called }: Json, place: number): void {
    const at = typeof index === 'number' && index >= 0 && index < 128 ? index : place;
    while (this.#calls.length <= at) this.#calls.push({ id: '', name: '', arguments: '' });
    const call = this.#calls[at];
    if (call === undefined || !isRecord(called)) return;
    if (text(id) !== '') call.id = text(id);
    if (text(called.name) !== '') call.name = text(called.name);
    call.arguments += text(called.arguments);
  }

  body(): Json {
    const tool_calls = this.#calls.map(({ id, ...called }) => ({
      ...{ id, type: 'function', function: called },
    }));
    const message = {
      role: 'assistant',
      content: this.#content === '' ? null : this.#content,
      ...(this.#refusal === '' ? {} : { refusal: this.#refusal }),
      ...(tool_calls.length === 0 ? {} : { tool_calls }),
    };
    const choices = [{ index: 0, finish_reason: this.#finishReason, message }];
    return { choices, ...(isRecord(this.#usage) ? { usage: this.#usage } : {}) };
  }
}

/** Responses of OpenAI: the last event has the whole answer. */
class ResponseEvents implements Assembler {
  #response: Json | undefined;

  get isWhole(): boolean {
    return this.#response !== undefined;
  }

  add(event: Json): string {
    const response = isRecord(event.response) ? event.response : {};
    switch (event.type) {
      case 'response.output_text.delta':
        return text(event.delta);
      case 'response.completed':
      case 'response.incomplete':
        this.#response = response;
        return '';
      case 'response.failed':
        throw streamError(response.error);
      case 'error':
        throw streamError(event.error ?? event);
      default:
        return '';
    }
  }

  body(): Json {
    return this.#response ?? {};
  }
}

/** Messages of Anthropic. */
class MessageEvents implements Assembler {
  #message: Json = {};
  #isWhole = false;
  readonly #blocks = new Map<unknown, Json>();
  /** The JSON of the input of tool calls, by block. */
  readonly #inputs = new Map<unknown, string>();

  get isWhole(): boolean {
    return this.#isWhole;
  }

  add(event: Json): string {
    const delta = isRecord(event.delta) ? event.delta : {};
    switch (event.type) {
      case 'message_start':
        this.#message = isRecord(event.message) ? event.message : {};
        return '';
      case 'content_block_start':
        if (isRecord(event.content_block))
          this.#blocks.set(event.index, { ...event.content_block });
        return '';
      case 'content_block_delta':
        return this.#extend(event.index, delta);
      case 'message_delta':
        this.#message = { ...this.#message, ...delta, usage: this.#usageWith(event.usage) };
        return '';
      case 'message_stop':
        this.#isWhole = true;
        return '';
      case 'error':
        throw streamError(event.error);
      default:
        return '';
    }
  }

  #extend(index: unknown, delta: Json): string {
    const block = this.#blocks.get(index);
    if (block === undefined) return '';
    if (delta.type === 'input_json_delta') {
      this.#inputs.set(index, (this.#inputs.get(index) ?? '') + text(delta.partial_json));
    }
    for (const key of ['text', 'thinking', 'signature']) {
      if (typeof delta[key] === 'string') block[key] = text(block[key]) + delta[key];
    }
    return block.type === 'text' ? text(delta.text) : '';
  }

  #usageWith(usage: unknown): Json {
    const before = isRecord(this.#message.usage) ? this.#message.usage : {};
    return isRecord(usage) ? { ...before, ...usage } : before;
  }

  body(): Json {
    const content = [...this.#blocks].map(([index, block]) => {
      const input = this.#inputs.get(index);
      return input === undefined ? block : { ...block, input: this.#parsed(input) };
    });
    return { ...this.#message, content };
  }

  #parsed(json: string): unknown {
    if (json === '') return {};
    const input = parsedJson(json);
    if (input !== undefined || !this.#isWhole) return input ?? {};
    const message = 'the input of a tool call is not JSON';
    throw new StepError('llm_bad_response', message, { retryable: true });
  }
}
