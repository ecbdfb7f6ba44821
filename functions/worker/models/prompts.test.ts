// llm_call with stored prompts: which text the model gets, and which variables are refused.

import assert from 'node:assert/strict';
import { startModel } from '../../../scripts/fakes/model.ts';
import { afterAll, failureOf, outputOf, testContext, testEnv } from '../steps/testing.ts';
import type { StoredPrompt } from '../steps/types.ts';

const model = await startModel();
afterAll(() => model.stop());

const stored = (content: string, variables: Record<string, unknown> = {}): StoredPrompt => ({
  version: '1.0.0',
  content,
  variables,
});
const ctx = testContext({
  env: testEnv({ OPENAI_BASE_URL: model.url, OPENAI_API_KEY: model.apiKey }),
  input: { text: 'It broke.' },
  prompts: {
    triage: stored('Sort: {{ text }} ({{ tone }})', {
      text: { type: 'string' },
      tone: { type: 'string', default: 'calm' },
    }),
    'acme/persona@1.0.0': stored('You are {{ name }} of {{ input.name }}.', {
      name: { type: 'string' },
    }),
    free: stored('{{ anything }}'),
    greedy: stored('{{ secrets.key }}'),
    failing: stored('{{ $error("no") }}'),
  },
});
const asked = async (config: object) => {
  await outputOf('llm_call', { model: 'small', ...config }, ctx);
  return model.calls.all.at(-1)?.messages.map(({ role, content }) => [role, content]);
};
const refused = (config: object) => failureOf('llm_call', { model: 'small', ...config }, ctx);

Deno.test('a stored prompt is filled in with the variables of the step and its own defaults', async () => {
  assert.deepEqual(
    await asked({ prompt_name: 'triage', variables: { text: '{{ input.text }}' } }),
    [['user', 'Sort: It broke. (calm)']],
  );
  const variables = { text: 'a {{ name }}', name: 'Ada', tone: 'loud' };
  assert.deepEqual(
    await asked({
      prompt_name: 'triage',
      system_prompt_name: 'acme/persona@1.0.0',
      variables: { ...variables, text: '{{ input.text }}' },
    }),
    [
      ['system', 'You are Ada of Ada.'],
      ['user', 'Sort: It broke. (loud)'],
    ],
  );
  assert.deepEqual(
    await asked({
      prompt: 'Hi',
      system_prompt_name: 'acme/persona@1.0.0',
      variables: { name: 'x' },
    }),
    [
      ['system', 'You are x of x.'],
      ['user', 'Hi'],
    ],
  );
});

Deno.test('a prompt that declares no variables accepts every variable, and a value that is not text becomes JSON', async () => {
  assert.deepEqual(await asked({ prompt_name: 'free', variables: { anything: { a: 1 } } }), [
    ['user', '{"a":1}'],
  ]);
});

Deno.test('variables that are missing, not declared or of a wrong type are refused before the call', async () => {
  const before = model.calls.all.length;
  for (const [variables, problem] of [
    [{}, /text/],
    [{ text: 1 }, /string/],
    [{ text: 'x', colour: 'red' }, /"path":"\/colour","message":"is not declared"/],
  ] as const) {
    const error = await refused({ prompt_name: 'triage', variables });
    assert.deepEqual([error.code, error.retryable], ['invalid_prompt_variables', false]);
    assert.match(JSON.stringify(error.details), problem);
  }
  assert.equal(model.calls.all.length, before);
});

Deno.test('a prompt that is unknown, reads secrets or fails is refused', async () => {
  for (const [prompt_name, code] of [
    ['other', 'unknown_prompt'],
    ['greedy', 'invalid_config'],
    ['failing', 'invalid_config'],
  ] as const) {
    assert.equal((await refused({ prompt_name })).code, code);
  }
  for (const config of [
    { prompt: 'x', prompt_name: 'free' },
    { prompt: 'x', system: 'y', system_prompt_name: 'free' },
    { prompt: 'x', variables: { a: 1 } },
  ]) {
    assert.equal((await refused(config)).code, 'invalid_config');
  }
});
