// The layout of SQL: lower-case keywords and names, no tabs, no trailing space, at most one blank line in a row, lines
// of at most 120 characters. `--fix` fixes everything except long lines, and only if tokens and parse tree stay the
// same, so it cannot change the meaning of a statement.
import { dollarBody, lineAt, type Problem, sameParse, type Token, tokens } from './source.ts';

const MAX_LINE = 120;
/** A dollar-quoted string is code after these words; elsewhere it is data and not changed. */
const BEFORE_CODE = new Set(['as', 'do']);

/** The tokens of a file; each function body is replaced by its own tokens. */
function deepTokens(text: string, offset = 0): Token[] {
  let before = '';
  return tokens(text).flatMap((token): Token[] => {
    const body = BEFORE_CODE.has(before) ? dollarBody(token) : undefined;
    if (token.kind !== 'comment') before = token.text.toLowerCase();
    if (body !== undefined) return deepTokens(body.text, offset + body.start);
    return [{ ...token, start: offset + token.start }];
  });
}

/** Text in which spaces and case are significant. */
const isData = (token: Token) => token.kind === 'string' || token.kind === 'code';

function replaceAll(text: string, edits: { start: number; end: number; text: string }[]): string {
  let result = '';
  let at = 0;
  for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
    result += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return result + text.slice(at);
}

/** A form of the tokens that is equal for equivalent programs. */
function meaning(text: string): string {
  return deepTokens(text)
    .map((token) =>
      token.kind === 'word'
        ? token.text.toLowerCase()
        : token.kind === 'comment'
          ? token.text.trimEnd()
          : token.text,
    )
    .join('\u0000');
}

/** The formatted file; long lines must be fixed manually. */
export function formatted(text: string): string {
  const words = deepTokens(text);
  const lowered = replaceAll(
    text,
    words
      .filter((token) => token.kind === 'word')
      .map(({ start, text: word }) => ({
        start,
        end: start + word.length,
        text: word.toLowerCase(),
      })),
  );
  const data = words.filter(isData);
  const inside = (index: number) =>
    data.some((token) => index > token.start && index < token.start + token.text.length);
  const spaces = [...lowered.matchAll(/[ \t]+(?=\n|$)|\t|\n{3,}/g)].filter(
    (match) => !inside(match.index),
  );
  const tidy = replaceAll(
    lowered,
    spaces.map((match) => {
      const [space] = match;
      const end = match.index + space.length;
      const trailing = end >= lowered.length || lowered[end] === '\n';
      const text = space.startsWith('\n') ? '\n\n' : trailing ? '' : '  ';
      return { start: match.index, end, text };
    }),
  );
  const result = `${tidy.trim()}\n`;
  if (meaning(result) !== meaning(text) || !sameParse(result, text))
    throw new Error('formatting would change the statements');
  return result;
}

/** One problem for each line that differs from the formatted file, and each line that is too long. */
export function formatProblems(file: string, text: string): Problem[] {
  const problems: Problem[] = [];
  for (const token of deepTokens(text)) {
    if (token.kind === 'word' && token.text !== token.text.toLowerCase()) {
      const line = lineAt(text, token.start + 1);
      problems.push({ file, line, rule: 'lowercase', message: token.text });
    }
  }
  // A string cannot be broken, so it does not count.
  const measured = replaceAll(
    text,
    deepTokens(text)
      .filter((token) => isData(token) && !token.text.includes('\n'))
      .map((token) => ({ start: token.start, end: token.start + token.text.length, text: "''" })),
  );
  for (const [index, line] of measured.split('\n').entries()) {
    if (line.length <= MAX_LINE) continue;
    const message = `${line.length} characters without its strings, at most ${MAX_LINE}`;
    problems.push({ file, line: index + 1, rule: 'line-length', message });
  }
  if (problems.every((problem) => problem.rule !== 'lowercase')) {
    const wanted = formatted(text).split('\n');
    const differs = text.split('\n').findIndex((line, index) => line !== wanted[index]);
    if (differs !== -1) {
      const message = 'blank lines, tabs or spaces at the end; run with --fix';
      problems.push({ file, line: differs + 1, rule: 'whitespace', message });
    }
  }
  return problems;
}
