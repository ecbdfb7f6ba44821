// The types of sdk.ts: what the worker gives to the AI SDK and reads from it.

export interface TextPart {
  type: 'text';
  text: string;
}

export interface FilePart {
  type: 'file';
  data: Uint8Array;
  mediaType: string;
  filename?: string;
}

export interface ToolCallPart {
  type: 'tool-call';
  toolCallId: string;
  toolName: string;
  input: unknown;
}

export interface ToolResultPart {
  type: 'tool-result';
  toolCallId: string;
  toolName: string;
  output: { type: 'text' | 'error-text'; value: string };
}

export type ModelMessage =
  | { role: 'system'; content: string }
  | { role: 'user'; content: string | (TextPart | FilePart)[] }
  | { role: 'assistant'; content: string | (TextPart | ToolCallPart)[] }
  | { role: 'tool'; content: ToolResultPart[] };

/** Opaque: a client of a provider for one model. */
export interface LanguageModel {
  readonly specificationVersion: string;
}

/** Opaque. */
export interface Schema {
  readonly jsonSchema: unknown;
}

export interface OutputSpec {
  readonly name: string;
  readonly responseFormat: PromiseLike<unknown>;
}

/** A subset of `fetch` that every runtime types in the same way. */
export type Fetch = (
  url: string | URL | Request,
  init?: { method?: string; headers?: Record<string, string>; body?: unknown },
) => Promise<Response>;

interface ProviderSettings {
  baseURL: string;
  apiKey?: string;
  fetch: Fetch;
}

type Provider = (model: string) => LanguageModel;

export function createOpenAI(settings: ProviderSettings): Provider;
export function createAnthropic(settings: ProviderSettings): Provider;
export function createOpenAICompatible(
  settings: ProviderSettings & { name: string; supportsStructuredOutputs: boolean },
): Provider;

export function jsonSchema(schema: Record<string, unknown>): Schema;

export const Output: {
  object(options: { schema: Schema }): OutputSpec;
  text(): OutputSpec;
};

export interface GenerateTextOptions {
  model: LanguageModel;
  messages: ModelMessage[];
  allowSystemInMessages: boolean;
  maxRetries: number;
  headers: Record<string, string>;
  instructions?: string;
  temperature?: number;
  maxOutputTokens?: number;
  output?: OutputSpec;
  tools?: Record<string, { description?: string; inputSchema: Schema; strict?: boolean }>;
  providerOptions?: Record<string, Record<string, unknown>>;
}

export interface GenerateTextResult {
  text: string;
  toolCalls: { toolCallId: string; toolName: string; input: unknown }[];
  finishReason: string;
  rawFinishReason: string | undefined;
}

export function generateText(options: GenerateTextOptions): Promise<GenerateTextResult>;
