// The conversation of an agent so far, as the messages of the next call of its model. It follows from the config and the
// stored turns alone, so each attempt continues the same conversation.

import { cutText } from '../../_shared/text/storable.ts';
import { isRecord } from '../models/responses.ts';
import type { ModelMessage } from '../models/sdk-types.d.ts';
import type { StoredCall, StoredTurn } from './types.ts';

/** What the model reads of the result of a tool. */
const RESULT_CHARS = 100_000;
const ERROR_CHARS = 8_000;

export function conversation(
  input: unknown,
  turns: readonly StoredTurn[],
  /** Why an answer without tool calls was not accepted. */
  problemOf: (turn: StoredTurn) => string,
): ModelMessage[] {
  return [
    { role: 'user', content: JSON.stringify(input) },
    ...turns.flatMap((turn): ModelMessage[] =>
      turn.calls.length === 0
        ? [
            { role: 'assistant', content: turn.text },
            { role: 'user', content: problemOf(turn) },
          ]
        : [
            {
              role: 'assistant',
              content: [
                ...(turn.text === '' ? [] : [{ type: 'text' as const, text: turn.text }]),
                ...turn.calls.map(({ id, tool, input: asked }) => ({
                  type: 'tool-call' as const,
                  toolCallId: id,
                  toolName: tool,
                  input: isRecord(asked) ? asked : { input: asked },
                })),
              ],
            },
            { role: 'tool', content: turn.calls.map(resultOf) },
          ],
    ),
  ];
}

function resultOf(call: StoredCall) {
  const { id, tool, status, output, error } = call;
  return {
    type: 'tool-result' as const,
    toolCallId: id,
    toolName: tool,
    output:
      status === 'completed'
        ? { type: 'text' as const, value: resultText(output) }
        : {
            type: 'error-text' as const,
            value: cutText(JSON.stringify({ status, ...error }), ERROR_CHARS),
          },
  };
}

/** A text that is short enough stays as it is, also one that was cut. */
export function resultText(output: unknown): string {
  const text = typeof output === 'string' ? output : (JSON.stringify(output) ?? 'null');
  if (text.length <= RESULT_CHARS) return text;
  const note = `\n(cut: the result has ${text.length} characters)`;
  return cutText(text, RESULT_CHARS - note.length) + note;
}
