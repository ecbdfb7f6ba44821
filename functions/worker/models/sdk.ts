// The parts of the AI SDK that the worker uses. Import this module dynamically: it is large, and most invocations call
// no model. scripts/bundle.ts minifies it as a whole. Its types are our own, because those of the SDK do not compile
// with exactOptionalPropertyTypes, and Deno checks them.

// @ts-types="./sdk-types.d.ts"
export { createAnthropic } from '@ai-sdk/anthropic';
// @ts-types="./sdk-types.d.ts"
export { createOpenAI } from '@ai-sdk/openai';
// @ts-types="./sdk-types.d.ts"
export { createOpenAICompatible } from '@ai-sdk/openai-compatible';
// @ts-types="./sdk-types.d.ts"
export { generateText, jsonSchema, Output } from 'ai';

// Its warnings are for developers; the log of a worker has another form.
Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });
