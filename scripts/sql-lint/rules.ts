// The rules for every migration, checked on the parse tree: qualified names, a fixed search_path, comments, no definer
// functions in the API schema, efficient policies.
import { SCHEMAS } from '../database/schemas.ts';
import { isTree, type Problem, type Source, type Statement, type Tree, walk } from './source.ts';

const API_SCHEMA = SCHEMAS.exposed;

function names(list: unknown): string[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((item) =>
    isTree(item) && isTree(item.String) ? [String(item.String.sval)] : [],
  );
}

function relation(node: unknown): string | undefined {
  if (!isTree(node) || typeof node.relname !== 'string') return undefined;
  return typeof node.schemaname === 'string' ? `${node.schemaname}.${node.relname}` : node.relname;
}

function options(statement: Statement): Map<string, Tree> {
  const found = new Map<string, Tree>();
  const list = Array.isArray(statement.node.options) ? statement.node.options : [];
  for (const item of list) {
    if (isTree(item) && isTree(item.DefElem)) found.set(String(item.DefElem.defname), item.DefElem);
  }
  return found;
}

/** Objects with a comment in any file, as `table stepbase.runs`. */
export function commentedObjects(sources: Source[]): Set<string> {
  const found = new Set<string>();
  for (const statement of sources.flatMap((source) => source.statements)) {
    if (statement.kind !== 'CommentStmt') continue;
    const { objtype, object } = statement.node;
    const kind = String(objtype).replace('OBJECT_', '').toLowerCase();
    const withArgs = isTree(object) && isTree(object.ObjectWithArgs) ? object.ObjectWithArgs : {};
    const list = isTree(object) && isTree(object.List) ? object.List.items : withArgs.objname;
    found.add(`${kind} ${names(list).join('.')}`);
  }
  return found;
}

function functionProblems(statement: Statement, commented: Set<string>): [string, string][] {
  const name = names(statement.node.funcname).join('.');
  const found: [string, string][] = [];
  const given = options(statement);
  const isDefiner = [...walk(given.get('security')?.arg)].some(([node]) => node.boolval === true);
  if (!name.includes('.')) found.push(['qualified', `function ${name} has no schema`]);
  const fixed = (Array.isArray(statement.node.options) ? statement.node.options : []).some((item) =>
    [...walk(item)].some(([node]) => node.name === 'search_path' && node.kind === 'VAR_SET_VALUE'),
  );
  if (!fixed) found.push(['search-path', `function ${name} lacks set search_path = ''`]);
  if (isDefiner && name.startsWith(`${API_SCHEMA}.`)) {
    found.push(['definer', `function ${name} is security definer in the exposed schema`]);
  }
  const kind = statement.node.is_procedure === true ? 'procedure' : 'function';
  if (!commented.has(`${kind} ${name}`)) found.push(['comment', `${kind} ${name} has no comment`]);
  return found;
}

/** Calls without a column argument have one value for the whole query; `(select f())` makes the planner use this. */
function policyProblems(statement: Statement): [string, string][] {
  const { policy_name: policy, cmd_name: command, roles, qual, with_check: check } = statement.node;
  const found: [string, string][] = [];
  if (command === 'all' || command === undefined) {
    found.push(['policy-command', `policy "${policy}": one policy per command`]);
  }
  const everyone = [...walk(roles)].some(([node]) => node.roletype === 'ROLESPEC_PUBLIC');
  if (everyone) found.push(['policy-role', `policy "${policy}" is not limited to a role (to …)`]);
  for (const [node, parents] of walk([qual, check])) {
    if (!isTree(node.FuncCall)) continue;
    const name = names(node.FuncCall.funcname).join('.');
    const perRow = [...walk(node.FuncCall.args)].some(([inner]) => isTree(inner.ColumnRef));
    const wrapped = parents.some((parent) => isTree(parent.SubLink));
    if (/^(auth|stepbase_private|realtime)\./.test(name) && !perRow && !wrapped) {
      found.push(['policy-initplan', `policy "${policy}": write (select ${name}(…))`]);
    }
  }
  return found;
}

function statementProblems(statement: Statement, commented: Set<string>): [string, string][] {
  const { kind, node } = statement;
  const found: [string, string][] = [];
  if (kind === 'CreateFunctionStmt') found.push(...functionProblems(statement, commented));
  if (kind === 'CreatePolicyStmt') found.push(...policyProblems(statement));
  if (kind === 'CreateStmt' || kind === 'ViewStmt') {
    const name = relation(kind === 'CreateStmt' ? node.relation : node.view);
    const what = kind === 'CreateStmt' ? 'table' : 'view';
    const isPartition = node.partbound !== undefined;
    if (!isPartition && !commented.has(`${what} ${name}`)) {
      found.push(['comment', `${what} ${name} has no comment`]);
    }
  }
  if (kind === 'IndexStmt' && !String(node.idxname ?? '').startsWith('idx_')) {
    found.push([
      'index-name',
      `index ${node.idxname ?? '(unnamed)'}: name it idx_<table>_<columns>`,
    ]);
  }
  const local = new Set([...walk(node)].map(([inner]) => inner.ctename));
  for (const [inner] of walk(node)) {
    const name = relation(inner);
    if (name !== undefined && inner.schemaname === undefined && !local.has(name)) {
      found.push(['qualified', `${name} has no schema`]);
    }
  }
  return found;
}

export function ruleProblems(source: Source, commented: Set<string>): Problem[] {
  const { file } = source;
  const problems = source.statements.flatMap((statement) =>
    statementProblems(statement, commented).map(
      ([rule, message]): Problem => ({ file, line: statement.line, rule, message }),
    ),
  );
  if (!source.text.startsWith('--')) {
    problems.push({
      file,
      line: 1,
      rule: 'header',
      message: 'the first line must be a comment with the idea of the file',
    });
  }
  return problems;
}
