// JSON Schemas of the outputs of steps, where the step type, the config or a component determines them.

import type { CheckContext } from './context.ts';
import type { Expression } from './expressions.ts';
import type { GraphNode } from './graph.ts';
import { isLiteral, isObject, type Json, textOf } from './json.ts';
import { shapeOf } from './jsonata-shape.ts';

const closed = (properties: Json): Json => ({
  type: 'object',
  properties,
  additionalProperties: false,
});

const httpAnswer = closed({ status: { type: 'integer' }, headers: { type: 'object' }, body: true });

/** Returns the JSON Schema of the outputs of a step, or undefined if its type and config do not tell. */
export function outputSchema(
  node: GraphNode,
  expressions: readonly Expression[],
  context: CheckContext,
): unknown {
  const part = node.parts.find(({ kind }) => kind === 'step');
  if (part === undefined) return undefined;
  const { config } = part;
  switch (part.type.name) {
    case 'http_request':
    case 'webhook':
      return httpAnswer;
    case 'llm_call':
      return closed({
        text: { type: 'string' },
        finish_reason: true,
        usage: true,
        cost: true,
        provider: { type: 'string' },
        model: { type: 'string' },
        ...(config.response_schema === undefined || config.response_schema === null
          ? {}
          : { object: literalSchema(config.response_schema) ?? true }),
      });
    case 'send_email':
      return closed({ message_id: { type: 'string' } });
    case 'wait_for_approval':
      return closed({ approved: { type: 'boolean' }, comment: true, decided_by: true });
    case 'delay':
      return closed({});
    case 'emit_event':
      return closed({ name: { type: 'string' }, payload: true });
    case 'user_task':
      return literalSchema(config.form);
    case 'wait_for_signal':
      return context.signals?.[textOf(config.signal_name) ?? ''];
    case 'service_task':
      return context.components?.[textOf(config.component) ?? ''];
    case 'ai_agent_task':
      return withAgentFacts(context.components?.[textOf(config.component) ?? '']);
    case 'child_workflow':
      return config.wait === false ? closed({ run_id: { type: 'string' } }) : undefined;
    case 'transform':
      return shapeOf(expressions[0]?.ast);
    default:
      return undefined;
  }
}

/** The output of an agent has these properties beside those of the output schema. */
function withAgentFacts(schema: unknown): unknown {
  if (!isObject(schema) || !isObject(schema.properties)) return schema;
  const facts = { finish_reason: true, usage: true, cost: true, provider: true, model: true };
  return {
    ...schema,
    properties: { ...facts, turns: { type: 'integer' }, ...schema.properties },
  };
}

/** A schema with a template is known only when the step runs. */
function literalSchema(schema: unknown): Json | undefined {
  return isObject(schema) && isLiteral(schema) ? schema : undefined;
}
