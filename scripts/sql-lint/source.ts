// Parses a SQL file with PostgreSQL's own parser (libpg_query) into statements, tokens and function bodies, and
// converts the byte offsets of the parser into lines.
import pgQuery from '@libpg-query/parser';

await pgQuery.loadModule();

export interface Problem {
  file: string;
  line: number;
  rule: string;
  message: string;
}

/** A node of the parse tree: an object with the kind as its only key, or with plain fields. */
export type Tree = { [key: string]: unknown };

export interface Statement {
  kind: string;
  node: Tree;
  text: string;
  line: number;
  /** Text between the dollar quotes of a function or DO block, and the line on which it starts. */
  body: { text: string; line: number } | undefined;
}

export interface Source {
  file: string;
  text: string;
  statements: Statement[];
}

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Every object in the tree with its parents, outermost first. */
export function* walk(
  value: unknown,
  parents: readonly Tree[] = [],
): Generator<[Tree, readonly Tree[]]> {
  if (Array.isArray(value)) {
    for (const item of value) yield* walk(item, parents);
  } else if (isTree(value)) {
    yield [value, parents];
    for (const child of Object.values(value)) yield* walk(child, [...parents, value]);
  }
}

export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < index; at = text.indexOf('\n', at + 1))
    line++;
  return line;
}

export interface Token {
  kind: 'comment' | 'string' | 'code' | 'name' | 'word' | 'other';
  start: number;
  text: string;
}

/** The lexical rules of PostgreSQL that the layout needs (the scanner of the parser truncates long tokens). */
const TOKEN = new RegExp(
  [
    /(?<comment>--[^\n]*|\/\*[\s\S]*?\*\/)/,
    /(?<string>\be'(?:[^'\\]|''|\\[\s\S])*'|(?:\b(?:u&|[bxn]))?'(?:[^']|'')*')/,
    /(?<code>(?<quote>\$(?:[a-z_]\w*)?\$)[\s\S]*?\k<quote>)/,
    /(?<name>"(?:[^"]|"")*")/,
    /(?<word>[a-z_\u0080-\uffff][\w$\u0080-\uffff]*)/,
    /(?<other>[^\s])/,
  ]
    .map((part) => part.source)
    .join('|'),
  'gi',
);
const KINDS = ['comment', 'string', 'code', 'name', 'word'] as const;

export function tokens(text: string): Token[] {
  return [...text.matchAll(TOKEN)].map((match) => ({
    kind: KINDS.find((kind) => match.groups?.[kind] !== undefined) ?? 'other',
    start: match.index,
    text: match[0],
  }));
}

const DOLLAR_QUOTED = /^(\$\w*\$)([\s\S]*)\1$/;

/** The text between the dollar quotes of a token. */
export function dollarBody(token: Token): { text: string; start: number } | undefined {
  const [, quote, text] = DOLLAR_QUOTED.exec(token.text) ?? [];
  if (quote === undefined || text === undefined) return undefined;
  return { text, start: token.start + quote.length };
}

/** The position of a parse error; the parser counts from 0 and gives no position for an error at the end. */
function errorLine(text: string, error: unknown): number {
  const position = pgQuery.hasSqlDetails(error) ? (error.sqlDetails?.cursorPosition ?? 0) : 0;
  return lineAt(text, position);
}

export function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Parses a file; a parse error gives a problem and an empty list of statements. */
export function readSource(file: string, text: string, problems: Problem[]): Source {
  try {
    const bytes = Buffer.from(text);
    const statements = (pgQuery.parseSync(text).stmts ?? []).map((raw): Statement => {
      const from = raw.stmt_location ?? 0;
      const to = raw.stmt_len ? from + raw.stmt_len : bytes.length;
      const own = bytes.subarray(from, to).toString();
      const lead = own.length - own.replace(/^(\s|--[^\n]*(\n|$)|\/\*[\s\S]*?\*\/)*/, '').length;
      const start = bytes.subarray(0, from).toString().length + lead;
      const [kind = '', node] = Object.entries(raw.stmt ?? {})[0] ?? [];
      const bodyToken =
        kind === 'CreateFunctionStmt' || kind === 'DoStmt'
          ? tokens(own).findLast((token) => dollarBody(token) !== undefined)
          : undefined;
      const body = bodyToken && dollarBody(bodyToken);
      return {
        kind,
        node: isTree(node) ? node : {},
        text: own.slice(lead),
        line: lineAt(text, start),
        body: body && { text: body.text, line: lineAt(text, start - lead + body.start) },
      };
    });
    return { file, text, statements };
  } catch (error) {
    problems.push({ file, line: errorLine(text, error), rule: 'parse', message: message(error) });
    return { file, text, statements: [] };
  }
}

/** Parses the body of a function or DO block: SQL statements, or PL/pgSQL and its expressions. */
export function bodyProblems(source: Source, statement: Statement): Problem[] {
  const { body } = statement;
  if (body === undefined) return [];
  const problem = (line: number, text: string): Problem[] => [
    { file: source.file, line, rule: 'parse', message: text },
  ];
  const language = languageOf(statement);
  if (language === 'sql') {
    try {
      pgQuery.parseSync(body.text);
    } catch (error) {
      return problem(body.line + errorLine(body.text, error) - 1, `in the body: ${message(error)}`);
    }
  }
  if (language !== 'plpgsql') return [];
  try {
    // Also checks its statements and expressions, but without the position of an error.
    pgQuery.parsePlPgSQLSync(statement.text);
  } catch (error) {
    // The library returns broken JSON for some composite types; those bodies are left to
    // PostgreSQL, which checks them when the migration is applied.
    if (error instanceof SyntaxError) return [];
    return problem(body.line, `in the body: ${message(error)}`);
  }
  return [];
}

/** The language of a function (the default of a DO block is PL/pgSQL). */
export function languageOf(statement: Statement): string | undefined {
  const options = statement.kind === 'DoStmt' ? statement.node.args : statement.node.options;
  for (const [node] of walk(options)) {
    if (node.defname === 'language' && isTree(node.arg) && isTree(node.arg.String)) {
      return String(node.arg.String.sval).toLowerCase();
    }
  }
  return statement.kind === 'DoStmt' ? 'plpgsql' : undefined;
}

/** Whether PostgreSQL parses both texts to the same statements. */
export function sameParse(a: string, b: string): boolean {
  return pgQuery.fingerprintSync(a) === pgQuery.fingerprintSync(b);
}
