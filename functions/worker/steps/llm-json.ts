// Finds the JSON in the answer of a model: models write reasoning, a sentence or a fence around it.

import { parseJson } from '../../_shared/text/json-numbers.ts';

/** Work is limited: an answer with countless brackets is not searched to its end. */
const MOST_PLACES = 64;
const DEEPEST = 200;

/**
 * The JSON values of an answer in groups, the most certain first: the whole answer, then the contents of fences, then
 * values among the text. A caller takes the first group with a value that fits.
 */
export function* jsonIn(answer: string): Generator<readonly unknown[]> {
  const whole = parsed(answer);
  if (whole !== undefined) {
    yield [whole.value];
    return;
  }
  const text = withoutReasoning(answer);
  const bare = parsed(text);
  if (bare !== undefined) {
    yield [bare.value];
    return;
  }
  yield fenced(text);
  yield embedded(text);
}

function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: parseJson(text.trim()) };
  } catch {
    return undefined;
  }
}

/** Servers often leave out the opening tag, because it is part of the prompt. */
function withoutReasoning(text: string): string {
  const tag = /<(think|thinking|reasoning)>[\s\S]*?<\/\1>/gi;
  const rest = text.replaceAll(tag, '');
  const closing = [...rest.matchAll(/<\/(?:think|thinking|reasoning)>/gi)].at(-1);
  return closing === undefined ? rest : rest.slice(closing.index + closing[0].length);
}

/** The values after ``` and an optional label. A fence within a string of the JSON does not end it. */
function fenced(text: string): unknown[] {
  const values: unknown[] = [];
  let end = 0;
  for (const open of [...text.matchAll(/(?:```|~~~)[\w+-]*/g)].slice(0, MOST_PLACES)) {
    if (open.index < end) continue;
    const start = open.index + open[0].length;
    const close = text.indexOf(open[0].slice(0, 3), start);
    const content = parsed(text.slice(start, close === -1 ? text.length : close));
    if (content !== undefined) {
      values.push(content.value);
      end = close === -1 ? text.length : close + 3;
      continue;
    }
    const at = text.slice(start).search(/\S/) + start;
    const last = valueEnd(text, at);
    const value = last === undefined ? undefined : parsed(text.slice(at, last));
    if (value === undefined || last === undefined) continue;
    values.push(value.value);
    end = last;
  }
  return values;
}

/** Objects and lists among other text. */
function embedded(text: string): unknown[] {
  const values: unknown[] = [];
  let end = 0;
  for (const { index } of [...text.matchAll(/[{[]/g)].slice(0, MOST_PLACES)) {
    if (index < end) continue;
    const last = valueEnd(text, index);
    const value = last === undefined ? undefined : parsed(text.slice(index, last));
    if (value === undefined || last === undefined) continue;
    values.push(value.value);
    end = last;
  }
  return values;
}

/** The end of the object or list that starts here; brackets within strings do not count. */
function valueEnd(text: string, start: number): number | undefined {
  if (text[start] !== '{' && text[start] !== '[') return undefined;
  let depth = 0;
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]]/gs;
  token.lastIndex = start;
  for (let found = token.exec(text); found !== null; found = token.exec(text)) {
    const [mark] = found;
    if (mark === '{' || mark === '[') depth += 1;
    else if (mark === '}' || mark === ']') depth -= 1;
    if (depth === 0) return token.lastIndex;
    if (depth > DEEPEST) return undefined;
  }
  return undefined;
}
