// @ts-self-types="./sdk.d.ts"
// The parts of the AI SDK that the worker uses. Import this module dynamically: it is large, and most invocations call
// no model. scripts/bundle.ts minifies it as a whole. Its types are our own, because those of the SDK do not compile
// with exactOptionalPropertyTypes, and Deno checks them.

export { createAnthropic } from '@ai-sdk/anthropic';
export { createOpenAI } from '@ai-sdk/openai';
export { createOpenAICompatible } from '@ai-sdk/openai-compatible';
export { generateText, jsonSchema, Output } from 'ai';
