// The sample model as the assistant of the editor: it adds the step that the words of the wish name, after the steps that
// end the draft. It reads the question of web/src/editor/assistant/question.ts.

import { z } from 'zod';

const draftText = z.object({
  definition: z.looseObject({
    nodes: z.array(z.looseObject({ id: z.string(), type: z.string() })),
    edges: z.array(z.looseObject({ id: z.string(), source: z.string(), target: z.string() })),
  }),
  input_schema: z.unknown(),
});

interface Step {
  id: string;
  type: string;
  data: { label: string; config: object };
}

/** The first whose words are in the wish; the last one fits every wish. */
const STEPS: readonly { words: RegExp; step: Step }[] = [
  {
    words: /approv|confirm|decide|ask /i,
    step: {
      id: 'ask',
      type: 'wait_for_approval',
      data: { label: 'Ask for an approval', config: { title: 'Is this right?' } },
    },
  },
  {
    words: /wait|later|delay|pause/i,
    step: {
      id: 'wait',
      type: 'delay',
      data: { label: 'Wait a minute', config: { ms: 60_000 } },
    },
  },
  {
    words: /mail/i,
    step: {
      id: 'mail',
      type: 'send_email',
      data: {
        label: 'Send a mail',
        config: { to: 'customer@example.com', subject: 'News', text: 'It is done.' },
      },
    },
  },
  {
    words: /./s,
    step: {
      id: 'note',
      type: 'transform',
      data: { label: 'Note the input', config: { expression: '{"input": input}' } },
    },
  },
];

const QUESTION = /^The person asks:\n(.*)\n\nThe draft:\n(\{.*\})/s;

/** The answer to the assistant's question; undefined for any other question. */
export function proposeChange(question: string): string | undefined {
  const [, wish = '', json = ''] = QUESTION.exec(question) ?? [];
  if (json === '') return undefined;
  const { definition, input_schema } = draftText.parse(JSON.parse(json.split('\n')[0] ?? ''));
  const { nodes, edges } = definition;
  const { step } = STEPS.find(({ words }) => words.test(wish)) ?? { step: undefined };
  if (step === undefined) return undefined;
  const taken = new Set(nodes.map(({ id }) => id));
  let id = step.id;
  for (let n = 2; taken.has(id); n += 1) id = `${step.id}_${n}`;
  const ends = nodes.filter((node) => !edges.some(({ source }) => source === node.id));
  const added = ends.map((node) => ({ id: `${node.id}-${id}`, source: node.id, target: id }));
  return JSON.stringify({
    summary: `The workflow has the step “${step.data.label}” at its end.`,
    definition: {
      ...definition,
      nodes: [...nodes, { ...step, id }],
      edges: [...edges, ...added],
    },
    input_schema,
  });
}
