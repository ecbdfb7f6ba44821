// What a model answered, as a draft: the JSON in its text, with the places of the steps that the draft has already.
import { type Definition, type Draft, definitionFault, isObject } from '../model/definition.ts';

export interface Proposal {
  draft: Draft;
  /** What the model says about it. */
  summary: string;
  /** Whether a step has no place yet, so that all are arranged. */
  isUnplaced: boolean;
}

/** The outermost object in a text: models write around it, or put it into a fence. */
function objectIn(text: string): unknown {
  const [start, end] = [text.indexOf('{'), text.lastIndexOf('}')];
  if (start === -1 || end < start) throw new Error('The answer of the model has no workflow.');
  try {
    return JSON.parse(text.slice(start, end + 1));
  } catch {
    throw new Error('The answer of the model is not complete JSON. Ask again.');
  }
}

/** Throws an Error that says what is wrong with the answer. */
export function proposalIn(text: string, before: Draft): Proposal {
  const answer = objectIn(text);
  if (!isObject(answer)) throw new Error('The answer of the model has no workflow.');
  const given = answer.definition ?? answer;
  const fault = definitionFault(given);
  if (fault !== undefined) throw new Error(`The model wrote no workflow. ${fault}`);
  const known = new Map(before.definition.nodes.map(({ id, position }) => [id, position]));
  const { nodes, edges, ...rest } = given as Definition;
  const placed = nodes.map((node) => {
    const position = known.get(node.id) ?? node.position;
    return position === undefined ? node : { ...node, position };
  });
  const { input_schema: schema } = answer;
  return {
    draft: {
      // Keys of the document that the model has left out stay.
      definition: { ...before.definition, ...rest, nodes: placed, edges },
      inputSchema: isObject(schema) || schema === null ? schema : before.inputSchema,
      outputSchema: before.outputSchema,
    },
    summary: typeof answer.summary === 'string' ? answer.summary : '',
    isUnplaced: placed.some(({ position }) => position === undefined),
  };
}
