// The SQL dialect of all migrations: parameters p_, locals v_ (constants may be c_), a semicolon at the end of a body,
// int, comments directly after their function and indented by two, and each privilege granted once.
import {
  isTree,
  languageOf,
  lineAt,
  type Problem,
  type Source,
  type Statement,
  type Token,
  type Tree,
  tokens,
  walk,
} from './source.ts';

const API_SCHEMA = 'stepbase';
/** The only migration that grants on schemas, and the only one that revokes EXECUTE from PUBLIC. */
const SCHEMA_FILE = /_schemas\.sql$/;
const FUNCTION_FILE = /_function_privileges\.sql$/;

type Found = [line: number, rule: string, message: string];

const qualified = (list: unknown): string =>
  (Array.isArray(list) ? list : [])
    .flatMap((item) => (isTree(item) && isTree(item.String) ? [String(item.String.sval)] : []))
    .join('.');

interface Parameter {
  name: string;
  mode: string;
  type: string;
}

function parameters(statement: Statement): Parameter[] {
  const list = Array.isArray(statement.node.parameters) ? statement.node.parameters : [];
  return list.flatMap((item) => {
    const parameter = isTree(item) ? item.FunctionParameter : undefined;
    if (!isTree(parameter) || typeof parameter.name !== 'string') return [];
    const type = isTree(parameter.argType) ? qualified(parameter.argType.names) : '';
    return [{ name: parameter.name, mode: String(parameter.mode), type }];
  });
}

const RESULTS = new Set(['FUNC_PARAM_TABLE', 'FUNC_PARAM_OUT']);

function parameterProblems(statement: Statement): Found[] {
  const name = qualified(statement.node.funcname);
  const given = parameters(statement).filter(({ mode }) => !RESULTS.has(mode));
  // Supabase Auth calls its hooks with one argument of this name.
  if (given.length === 1 && given[0]?.name === 'event' && given[0].type === 'jsonb') return [];
  const isPublic = name.startsWith(`${API_SCHEMA}.`);
  return given
    .filter((parameter) => parameter.name.startsWith('p_') === isPublic)
    .map((parameter) => [
      statement.line,
      'dialect-params',
      isPublic
        ? `${name}: ${parameter.name} is part of the public interface; name it without p_`
        : `${name}: name the parameter p_${parameter.name}`,
    ]);
}

/** The variables of DECLARE sections, and whether they are constants. */
function declared(body: string): { name: Token; isConstant: boolean }[] {
  const words = tokens(body).filter((token) => token.kind !== 'comment');
  const found: { name: Token; isConstant: boolean }[] = [];
  let inside = false;
  let starts = false;
  for (const [index, word] of words.entries()) {
    const text = word.text.toLowerCase();
    if (word.kind === 'word' && text === 'declare') {
      inside = true;
      starts = true;
    } else if (inside && starts && text === 'begin') {
      inside = false;
    } else if (inside && starts) {
      found.push({ name: word, isConstant: words[index + 1]?.text.toLowerCase() === 'constant' });
      starts = false;
    } else if (inside && text === ';') {
      starts = true;
    }
  }
  return found;
}

function bodyProblems(statement: Statement): Found[] {
  const { body } = statement;
  if (body === undefined) return [];
  const language = languageOf(statement);
  const found: Found[] = [];
  const last = body.line + body.text.trimEnd().split('\n').length - 1;
  if (language === 'plpgsql') {
    if (!/\bend;\s*$/.test(body.text)) found.push([last, 'dialect-end', 'end the body with end;']);
    for (const { name, isConstant } of declared(body.text)) {
      if (name.text.startsWith('v_') || (isConstant && name.text.startsWith('c_'))) continue;
      found.push([
        body.line + lineAt(body.text, name.start) - 1,
        'dialect-locals',
        `name the variable v_${name.text}`,
      ]);
    }
  } else if (language === 'sql' && !/;\s*$/.test(body.text)) {
    found.push([last, 'dialect-end', 'end the last statement of the body with a semicolon']);
  }
  return found;
}

/** `integer` as a type, in statements and in bodies; in a string it is data. */
function intProblems(statement: Statement): Found[] {
  const parts = [{ text: statement.text, line: statement.line }];
  if (statement.body !== undefined) parts.push(statement.body);
  return parts.flatMap(({ text, line }) =>
    tokens(text)
      .filter((token) => token.kind === 'word' && token.text.toLowerCase() === 'integer')
      .map(
        (token): Found => [
          line + lineAt(text, token.start + 1) - 1,
          'dialect-int',
          'write int for integer',
        ],
      ),
  );
}

function commentProblems(statement: Statement, before: Statement | undefined): Found[] {
  if (statement.kind !== 'CommentStmt') return [];
  const found: Found[] = [];
  const { objtype, object } = statement.node;
  if (objtype === 'OBJECT_FUNCTION' || objtype === 'OBJECT_PROCEDURE') {
    const name = isTree(object) && isTree(object.ObjectWithArgs) ? object.ObjectWithArgs : {};
    const commented = qualified(name.objname);
    const created =
      before?.kind === 'CreateFunctionStmt' ? qualified(before.node.funcname) : undefined;
    // A do block may create the function, such as one that depends on the server's version.
    const byBlock = before?.kind === 'DoStmt' && before.text.includes(commented);
    if (commented !== created && !byBlock) {
      const message = `put the comment on ${commented} directly after the function`;
      found.push([statement.line, 'comment-place', message]);
    }
  }
  const flush = statement.text.split('\n').findIndex((line) => line.startsWith("'"));
  if (flush !== -1) {
    found.push([statement.line + flush, 'comment-indent', 'indent the text of a comment by two']);
  }
  return found;
}

function grantProblems(file: string, statement: Statement): Found[] {
  if (statement.kind !== 'GrantStmt') return [];
  const { objtype, is_grant: isGrant } = statement.node;
  const isFunction = ['OBJECT_FUNCTION', 'OBJECT_PROCEDURE', 'OBJECT_ROUTINE'].includes(
    String(objtype),
  );
  if (isFunction && isGrant !== true && !FUNCTION_FILE.test(file)) {
    const message = '…_function_privileges.sql revokes EXECUTE from PUBLIC for all functions';
    return [[statement.line, 'redundant-revoke', message]];
  }
  if (objtype === 'OBJECT_SCHEMA' && !SCHEMA_FILE.test(file)) {
    const message = 'privileges on schemas are granted in …_schemas.sql';
    return [[statement.line, 'redundant-grant', message]];
  }
  return [];
}

/** Each role a function is granted to, as `<function>(<arguments>) to <role>`. */
function functionGrants(statement: Statement): string[] {
  const { objtype, is_grant: isGrant, objects, grantees } = statement.node;
  if (statement.kind !== 'GrantStmt' || isGrant !== true || objtype !== 'OBJECT_FUNCTION')
    return [];
  const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
  const roles = [...walk(grantees)].flatMap(([node]) =>
    typeof node.rolename === 'string' ? [node.rolename] : [],
  );
  return list(objects).flatMap((object) => {
    const withArgs: Tree =
      isTree(object) && isTree(object.ObjectWithArgs) ? object.ObjectWithArgs : {};
    const types = list(withArgs.objargs).map((type) =>
      isTree(type) && isTree(type.TypeName) ? qualified(type.TypeName.names) : '',
    );
    const name = `${qualified(withArgs.objname)}(${types.join(', ')})`;
    return roles.map((role) => `${name} to ${role}`);
  });
}

/** Repeated grants of the same function to the same role. */
function repeatedGrants(sources: Source[]): Map<Statement, string> {
  const seen = new Set<string>();
  const repeated = new Map<Statement, string>();
  for (const statement of sources.flatMap((source) => source.statements)) {
    for (const grant of functionGrants(statement)) {
      if (seen.has(grant)) repeated.set(statement, grant);
      seen.add(grant);
    }
  }
  return repeated;
}

export function dialectProblems(sources: Source[]): Problem[] {
  const repeated = repeatedGrants(sources);
  return sources.flatMap(({ file, statements }) =>
    statements.flatMap((statement, index): Problem[] => {
      const isFunction = statement.kind === 'CreateFunctionStmt';
      const again = repeated.get(statement);
      const found: Found[] = [
        ...(isFunction ? parameterProblems(statement) : []),
        ...bodyProblems(statement),
        ...intProblems(statement),
        ...commentProblems(statement, statements[index - 1]),
        ...grantProblems(file, statement),
      ];
      if (again !== undefined) {
        found.push([statement.line, 'redundant-grant', `granted before: ${again}`]);
      }
      return found.map(([line, rule, message]) => ({ file, line, rule, message }));
    }),
  );
}
