// Updates and deletes without a condition in bodies of functions. Hosted projects load pg-safeupdate into the sessions
// of the Data API: there such a statement fails, also deep inside an RPC (SQLSTATE 21000).
import { lineAt, type Problem, type Source, type Token, tokens } from './source.ts';

export interface UnfilteredWrite {
  command: 'update' | 'delete';
  /** Offset in the text. */
  start: number;
}

/** `for update`, `for no key update` and `on conflict … do update` are no statements of their own. */
const NO_STATEMENT_AFTER = new Set(['for', 'key', 'do']);

const wordOf = (token: Token | undefined) =>
  token?.kind === 'word' ? token.text.toLowerCase() : token?.text;

/** Whether `update` or `delete` starts a statement: `update t set …`, `delete from t …`. */
function startsWrite(code: readonly Token[], index: number): boolean {
  const next = code[index + 1];
  if (wordOf(code[index]) === 'delete') return wordOf(next) === 'from';
  // `when matched then update set …` has no table.
  const hasTable = next?.kind === 'name' || (next?.kind === 'word' && wordOf(next) !== 'set');
  return hasTable && !NO_STATEMENT_AFTER.has(wordOf(code[index - 1]) ?? '');
}

/** The words of the statement after `index`, outside parentheses, until its `;` or closing parenthesis. */
function wordsAfter(code: readonly Token[], index: number): Set<string> {
  const words = new Set<string>();
  let depth = 0;
  for (const token of code.slice(index + 1)) {
    const text = wordOf(token) ?? '';
    if (text === '(') depth += 1;
    else if (text === ')') depth -= 1;
    if (depth < 0 || (depth === 0 && text === ';')) break;
    if (depth === 0 && token.kind === 'word') words.add(text);
  }
  return words;
}

/** Quoted text is SQL if it begins as a statement, as in `execute 'delete from …'`. */
const DYNAMIC = /^'\s*(with|update|delete)\b/i;

export function unfilteredWrites(text: string): UnfilteredWrite[] {
  const code = tokens(text).filter((token) => token.kind !== 'comment');
  return code.flatMap((token, index): UnfilteredWrite[] => {
    if (token.kind === 'string' && DYNAMIC.test(token.text)) {
      const inner = token.text.slice(1, -1);
      return unfilteredWrites(inner).map(({ command }) => ({ command, start: token.start }));
    }
    const command = wordOf(token);
    if (command !== 'update' && command !== 'delete') return [];
    if (!startsWrite(code, index)) return [];
    const words = wordsAfter(code, index);
    if (words.has('where') || (command === 'update' && !words.has('set'))) return [];
    return [{ command, start: token.start }];
  });
}

export function unfilteredWriteProblems({ file, statements }: Source): Problem[] {
  return statements.flatMap(({ kind, body }) =>
    kind !== 'CreateFunctionStmt' || body === undefined
      ? []
      : unfilteredWrites(body.text).map(
          ({ command, start }): Problem => ({
            file,
            line: body.line + lineAt(body.text, start) - 1,
            rule: 'unfiltered-write',
            message: `${command} without a where clause; the Data API of hosted projects refuses it`,
          }),
        ),
  );
}
