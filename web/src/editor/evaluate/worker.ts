// The web worker of expressions: evaluates JSONata and templates by the code of the worker of Stepbase, and finds the
// schemas of outputs by the code of the checker.
import jsonata from 'jsonata';
import { readGraph } from '../../../../functions/_shared/checker/graph.ts';
import { outputSchema } from '../../../../functions/_shared/checker/outputs.ts';
import { ExpressionError } from '../../../../functions/_shared/expressions/errors.ts';
import { evaluate } from '../../../../functions/_shared/expressions/jsonata.ts';
import { compileTemplate } from '../../../../functions/_shared/expressions/template.ts';
import type { Json } from '../../../../types/database.ts';
import type { Question, Reply } from './messages.ts';

function outputs(definition: Json): Json {
  const graph = readGraph(definition);
  const found: Record<string, Json> = {};
  for (const node of graph.nodes.values()) {
    const part = node.parts.find(({ kind }) => kind === 'step');
    const source = part?.config.expression;
    let ast: unknown;
    try {
      if (typeof source === 'string') ast = jsonata(source).ast();
    } catch {
      // The checker reports the syntax error.
    }
    const expression = { language: 'jsonata', source: '', pointer: '', ast, paths: [] } as const;
    const schema = outputSchema(node, [expression], {});
    if (schema !== undefined) found[node.id] = schema as Json;
  }
  return found;
}

async function answer(question: Question): Promise<Json | undefined> {
  if (question.kind === 'outputs') return outputs(question.definition);
  if (question.kind === 'expression') {
    return (await evaluate(question.source, question.scope)) as Json | undefined;
  }
  const { config, urlKeys, scope } = question;
  const template = compileTemplate(config, urlKeys === undefined ? {} : { urlKeys });
  // Secrets stay as they are written: the page does not know them.
  return (await template.resolve(scope)).stored as Json;
}

self.onmessage = async ({ data }: MessageEvent<{ id: number; question: Question }>) => {
  let reply: Reply;
  try {
    reply = { ok: true, value: await answer(data.question) };
  } catch (error) {
    const isKnown = error instanceof ExpressionError;
    reply = {
      ok: false,
      message: (error as Error).message,
      code: isKnown ? error.code : 'expression_failed',
      ...(isKnown && error.details.position !== undefined
        ? { position: error.details.position }
        : {}),
    };
  }
  self.postMessage({ id: data.id, reply });
};
