// What a model is asked when a person describes a change of the draft: how a definition is written, the step types, the
// draft without its places, the wish, and the problems that the checker found in the model's last answer.
import type { Fault } from '../draft/api.ts';
import type { Draft } from '../model/definition.ts';

/** What the model has to know of a step type. */
export interface KnownType {
  name: string;
  description: string;
  config_schema: unknown;
  raw_keys: unknown;
  handles: string[] | null;
  may_use_secrets: boolean;
}

const FORMAT = `You write workflows of Stepbase. Answer with one JSON object and no other text:
{"summary": "one sentence about what you changed", "definition": {"nodes": [], "edges": []}, "input_schema": {}}

A node is {"id", "type", "data": {"label", "config", "retry", "timeout_ms", "on_error", "join"}}. Only id and type are
required. An id begins with a letter and has letters, digits, _ and -. An edge is {"id", "source", "target",
"sourceHandle"}; with a sourceHandle it is taken for that outcome only. The graph has no cycles. Steps without an edge that
leads to them start first. A step runs when all steps before it have completed; with "join": "any" the first one is enough.
retry is {"max_attempts", "backoff": "exponential", "delay_ms"}. input_schema is the JSON Schema of the input of a run, or
null.

Texts of a config may have JSONata in templates: {{ input.order_id }}, {{ steps.fetch.output.body.total }}. Only steps from
which a path leads here can be read. {{ secrets.name }} is for the step types that say so. A key that the step type lists as
code has the language itself, without {{ }}.

Keep what the person does not ask to change: ids, labels, configs, and keys that you do not know. Use only keys that the
schemas have.`;

const typeInWords = (type: KnownType): object => ({
  type: type.name,
  description: type.description,
  config: type.config_schema,
  ...(Object.keys(type.raw_keys as object).length > 0 ? { code: type.raw_keys } : {}),
  handles: type.handles === null ? 'any text' : [...type.handles, 'error', 'timeout'],
  ...(type.may_use_secrets ? { may_use_secrets: true } : {}),
});

export const systemText = (types: readonly KnownType[]): string =>
  `${FORMAT}\n\nThe step types:\n${types.map((type) => JSON.stringify(typeInWords(type))).join('\n')}`;

/** Places are of the canvas; the editor keeps those of known steps. */
function withoutPlaces({ definition, inputSchema }: Draft): object {
  const nodes = definition.nodes.map(({ position: _position, ...node }) => node);
  return { definition: { ...definition, nodes }, input_schema: inputSchema };
}

export interface Question {
  wish: string;
  draft: Draft;
  /** Of the model's last answer, which is the draft then. */
  faults: readonly Fault[];
}

export function promptText({ wish, draft, faults }: Question): string {
  const problems = faults.map(
    ({ node, pointer, message, hint }) =>
      `- ${node === null ? '' : `step ${node}, `}${pointer}: ${message}${hint ? `; ${hint}` : ''}`,
  );
  return [
    `The person asks:\n${wish.trim()}`,
    `The draft:\n${JSON.stringify(withoutPlaces(draft))}`,
    ...(problems.length > 0
      ? [`The checker found problems. Fix them:\n${problems.join('\n')}`]
      : []),
  ].join('\n\n');
}
