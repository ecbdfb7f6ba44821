// What the entry points of the packages export, with the doc comments, read by the compiler that checks the types. Its
// programming interface is marked as unstable, so only this file uses it, and package.json fixes the version.

import { join } from 'node:path';
import type { Node } from 'typescript/unstable/ast';
import {
  API,
  type Symbol as CheckedSymbol,
  type Checker,
  type Project,
  SymbolFlags,
  type Type,
} from 'typescript/unstable/sync';
import { ROOT } from '../../stack/options.ts';

export type Kind = 'function' | 'constant' | 'class' | 'interface' | 'type';

export interface Member {
  name: string;
  /** On one line, such as `get(options?: CallOptions): Promise<Run>`. */
  signature: string;
  /** Markdown; empty: there is no doc comment. */
  doc: string;
}

export interface Export {
  name: string;
  kind: Kind;
  doc: string;
  /** The declaration without its body and, of an interface or a class, without its members. */
  signature: string;
  /** The declaration of a type with the comments in it. */
  source: string;
  members: Member[];
  /** Relative to the root of the repository. */
  file: string;
}

/** The exports of the modules (paths below the root) of one TypeScript project, by module and in alphabetical order. */
export function readExports(config: string, modules: readonly string[]): Map<string, Export[]> {
  const api = new API({ cwd: ROOT });
  try {
    const path = join(ROOT, config);
    const project = api.updateSnapshot({ openProjects: [path] }).getProject(path);
    if (project === undefined) throw new Error(`${config} is not a project`);
    return new Map(modules.map((module) => [module, exportsOf(project, module)]));
  } finally {
    api.close();
  }
}

function exportsOf({ program, checker }: Project, module: string): Export[] {
  const file = program.getSourceFile(join(ROOT, module));
  const symbol = file && checker.getSymbolAtLocation(file);
  if (file === undefined || symbol === undefined)
    throw new Error(`${module} is not a module of the project`);
  return checker
    .getExportsOfModule(symbol)
    .filter((one) => (one.flags & SymbolFlags.Alias) !== 0 || !isHidden(one, file))
    .map((one) => exportOf(checker, one))
    .sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));
}

/** `export type *` hides the values of a module; the checker lists them. No entry point has `export *`. */
function isHidden({ flags, declarations }: CheckedSymbol, module: Node): boolean {
  const isOfModule = declarations[0]?.path.toLowerCase() === module.getSourceFile().path;
  return !isOfModule && (flags & SymbolFlags.Type) === 0;
}

function exportOf(checker: Checker, exported: CheckedSymbol): Export {
  const symbol =
    (exported.flags & SymbolFlags.Alias) === 0 ? exported : checker.getAliasedSymbol(exported);
  const declaration = symbol.declarations[0]?.resolve();
  if (declaration === undefined) throw new Error(`${exported.name} has no declaration`);
  const kind = kindOf(symbol.flags);
  const type = kind === 'constant' ? checker.getTypeOfSymbol(symbol) : undefined;
  const constantOf = (of: Type) => {
    const text = checker.typeToString(of);
    return `const ${text.startsWith('{') ? declaration.getText() : `${exported.name}: ${text}`}`;
  };
  const hasMembers = kind === 'interface' || kind === 'class';
  return {
    name: exported.name,
    // A program that imports a class as a type cannot create instances of it.
    kind: kind === 'class' && isTypeOnly(exported) ? 'interface' : kind,
    doc: checker.getDocumentationCommentOfSymbol(symbol).trim(),
    signature: type === undefined ? signatureOf(declaration, kind) : constantOf(type),
    source: withoutExport(declaration.getText()),
    members: hasMembers ? membersOf(checker, symbol) : [],
    file: declaration.getSourceFile().fileName.slice(ROOT.length).replace(/^\//, ''),
  };
}

/** `export type { List }`, or `export { type List }`. */
function isTypeOnly({ declarations }: CheckedSymbol): boolean {
  const specifier = declarations[0]?.resolve();
  const statement = specifier?.parent?.parent;
  return [specifier, statement].some((node) => /^(?:export )?type /.test(node?.getText() ?? ''));
}

function kindOf(flags: number): Kind {
  if ((flags & SymbolFlags.Function) !== 0) return 'function';
  if ((flags & SymbolFlags.Class) !== 0) return 'class';
  if ((flags & SymbolFlags.Interface) !== 0) return 'interface';
  return (flags & SymbolFlags.TypeAlias) === 0 ? 'constant' : 'type';
}

function membersOf(checker: Checker, symbol: CheckedSymbol): Member[] {
  return [...symbol.getMembers().values()].flatMap((member) => {
    if ((member.flags & SymbolFlags.TypeParameter) !== 0) return [];
    const declaration = member.declarations[0]?.resolve();
    if (declaration === undefined) return [];
    const text = textOf(declaration);
    // An overriding member is described where it is declared first; what is private is not part of the reference.
    if (/^(?:private|protected|override|#)|^readonly #/.test(text)) return [];
    const doc = checker.getDocumentationCommentOfSymbol(member).trim();
    const own = declaration as Node & { jsDoc?: readonly Node[] };
    // The checker has no comment for a constructor and an index signature.
    const found = doc !== '' ? doc : commentText(own.jsDoc?.at(-1)?.getText() ?? '');
    if (found.startsWith('@internal')) return [];
    return [{ name: member.name, signature: memberSignature(declaration, text), doc: found }];
  });
}

/** The text of a declaration on one line, without comments and its body. */
function textOf(declaration: Node): string {
  const body = (declaration as Node & { body?: Node }).body;
  const text = declaration.getText();
  const head = body === undefined ? text : text.slice(0, body.getStart() - declaration.getStart());
  return oneLine(withoutComments(head));
}

const withoutComments = (text: string): string => text.replaceAll(/\/\*\*?[\s\S]*?\*\//g, '');

const oneLine = (text: string): string =>
  text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/([([{<]) (?=\S)/g, (match, open: string) => (open === '{' ? match : open))
    .replaceAll(/,? ([)\]>])/g, (match, close: string) => (match.startsWith(' >') ? match : close))
    .replaceAll('=) ', '=> ')
    .trim();

function memberSignature(declaration: Node, text: string): string {
  const initializer = (declaration as Node & { initializer?: Node }).initializer;
  const head =
    initializer === undefined ? text : text.slice(0, text.indexOf(oneLine(initializer.getText())));
  return head
    .replace(/^(?:readonly|declare readonly|declare|async) /, '')
    .replace(/\s*=?\s*;?$/, '')
    .replace(/(\w\?: .*?) \| undefined$/, '$1');
}

const withoutExport = (text: string): string => text.replace(/^export (?:declare )?/, '');

function signatureOf(declaration: Node, kind: Kind): string {
  const text = withoutExport(declaration.getText());
  if (kind === 'type') return text;
  if (kind === 'function') {
    const body = (declaration as Node & { body?: Node }).body;
    const end = body === undefined ? undefined : body.getStart() - declaration.getStart();
    return withoutExport(declaration.getText().slice(0, end)).trim();
  }
  const head = /^(?:abstract )?(?:interface|class) [\s\S]*?(?= \{\n| \{\}| \{$)/m.exec(text);
  return head?.[0] ?? text;
}

/** The text of a doc comment. */
function commentText(comment: string): string {
  return comment
    .replace(/^\/\*\*\s*/, '')
    .replace(/\s*\*\/$/, '')
    .replaceAll(/^\s*\* ?/gm, '')
    .trim();
}
