// Templates: a step's config with its `{{ … }}`, analysed once per node and resolved once per attempt. Expressions with
// a secret are evaluated last, and only the handler gets their values.

import { ReferenceSet } from './analysis.ts';
import { analyseCode } from './code-analysis.ts';
import { ExpressionError } from './errors.ts';
import type { Json } from './json.ts';
import { toJson } from './json.ts';
import { type CompiledExpression, compileExpression, type Scope } from './jsonata.ts';
import type { Resolved } from './secrets.ts';
import { parseTemplateText, type TemplatePart } from './template-text.ts';
import { buildUrl, encodeValue } from './url.ts';

export interface CompileOptions {
  /** Top-level keys that hold source code: they are not resolved, but their references count. */
  rawKeys?: Readonly<Record<string, 'jsonata' | 'javascript'>> | undefined;
  /** Top-level keys that hold a URL: values among its text are encoded for their place. */
  urlKeys?: readonly string[] | undefined;
}

/** One `{{ … }}` and its place in the config. */
interface Slot {
  readonly path: string;
  readonly expression: CompiledExpression;
}

type Node =
  | { kind: 'literal'; value: Json }
  | { kind: 'slot'; slot: Slot }
  | { kind: 'text' | 'url'; path: string; parts: readonly (string | Slot)[] }
  | { kind: 'array'; items: readonly Node[] }
  | { kind: 'object'; entries: readonly (readonly [string, Node])[] };

export interface CompiledTemplate {
  readonly reads: readonly string[] | 'all';
  readonly usesContext: boolean;
  readonly secrets: readonly string[];
  resolve(scope: Scope): Promise<Resolved>;
}

export function compileTemplate(config: unknown, options: CompileOptions = {}): CompiledTemplate {
  const found = new ReferenceSet();
  const slots: Slot[] = [];
  const json = toJson(config) ?? null;
  const root = options.rawKeys === undefined ? json : withoutRaw(json, options.rawKeys, found);
  const node = compileNode(root, '', slots, options);
  for (const slot of slots) {
    if (slot.expression.opaqueSecrets) {
      throw new ExpressionError(
        'secret_not_literal',
        'a secret must be written as secrets.<name> with a literal name',
        { expression: slot.expression.source },
      ).at(slot.path);
    }
    found.add(slot.expression);
  }
  const references = found.done();
  return {
    reads: references.reads,
    usesContext: references.usesContext,
    secrets: references.secrets,
    resolve: (scope) => resolve(node, slots, scope),
  };
}

/** Adds the references of the raw keys; returns the config unchanged, because compileNode skips raw keys. */
function withoutRaw(
  json: Json,
  rawKeys: NonNullable<CompileOptions['rawKeys']>,
  found: ReferenceSet,
): Json {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return json;
  for (const [key, language] of Object.entries(rawKeys)) {
    const source = json[key];
    if (typeof source !== 'string') continue;
    const references = located(key, () =>
      language === 'jsonata' ? compileExpression(source) : analyseCode(source),
    );
    if (references.opaqueSecrets || references.secrets.length > 0) {
      throw new ExpressionError(
        'secret_not_allowed',
        'secrets can be used in templates only, because this value is stored',
        { expression: source },
      ).at(key);
    }
    found.add(references);
  }
  return json;
}

function located<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof ExpressionError ? error.at(path) : error;
  }
}

function compileNode(
  json: Json,
  path: string,
  slots: Slot[],
  { rawKeys = {}, urlKeys = [] }: CompileOptions,
): Node {
  if (typeof json === 'string') return compileText(json, path, slots);
  if (typeof json !== 'object' || json === null) return { kind: 'literal', value: json };
  if (Array.isArray(json)) {
    const items = json.map((item, at) => compileNode(item, `${path}[${at}]`, slots, {}));
    const constant = items.every((item) => item.kind === 'literal');
    return constant ? { kind: 'literal', value: json } : { kind: 'array', items };
  }
  const entries = Object.entries(json).map(([key, value]): readonly [string, Node] => [
    key,
    Object.hasOwn(rawKeys, key)
      ? { kind: 'literal', value }
      : typeof value === 'string' && urlKeys.includes(key)
        ? compileText(value.trim(), key, slots, 'url')
        : compileNode(value, path === '' ? key : `${path}.${key}`, slots, {}),
  ]);
  const constant = entries.every(([, item]) => item.kind === 'literal');
  return constant ? { kind: 'literal', value: json } : { kind: 'object', entries };
}

function compileText(
  text: string,
  path: string,
  slots: Slot[],
  kind: 'text' | 'url' = 'text',
): Node {
  if (!text.includes('{{')) return { kind: 'literal', value: text };
  const toSlot = (part: TemplatePart): string | Slot => {
    if (typeof part === 'string') return part;
    const slot = { path, expression: part };
    slots.push(slot);
    return slot;
  };
  const parts = located(path, () => parseTemplateText(text)).map(toSlot);
  const [only] = parts;
  return parts.length === 1 && typeof only === 'object'
    ? { kind: 'slot', slot: only }
    : { kind, path, parts };
}

type Values = ReadonlyMap<Slot, Json | undefined>;

const shownSecret = (slot: Slot): string => `{{ ${slot.expression.source} }}`;

/** Whether the slot has its own text instead of its value, because its value is secret. */
function isHidden(slot: Slot, values: Values): boolean {
  return slot.expression.secrets.length > 0 && values.get(slot) === shownSecret(slot);
}

async function evaluateSlots(
  slots: readonly Slot[],
  scope: Scope,
): Promise<Map<Slot, Json | undefined>> {
  const values = new Map<Slot, Json | undefined>();
  for (const slot of slots) {
    try {
      values.set(slot, await slot.expression.evaluate(scope));
    } catch (error) {
      throw error instanceof ExpressionError ? error.at(slot.path) : error;
    }
  }
  return values;
}

async function resolve(node: Node, slots: readonly Slot[], scope: Scope): Promise<Resolved> {
  const secret = slots.filter((slot) => slot.expression.secrets.length > 0);
  const values = await evaluateSlots(
    slots.filter((slot) => slot.expression.secrets.length === 0),
    scope,
  );
  const shown = new Map(values);
  for (const slot of secret) shown.set(slot, shownSecret(slot));
  return {
    stored: build(node, shown) ?? null,
    secrets: [...new Set(secret.flatMap((slot) => slot.expression.secrets))].sort(),
    async finish(secrets) {
      if (secret.length === 0) return build(node, values) ?? null;
      // Only these expressions see the secrets beside the scope.
      const revealed = await evaluateSlots(secret, { ...scope, secrets } as Scope);
      return build(node, new Map([...values, ...revealed])) ?? null;
    },
  };
}

/** A template that selects nothing: left out of an object and null in an array, as in JSON.stringify. */
function build(node: Node, values: Values): Json | undefined {
  switch (node.kind) {
    case 'literal':
      return node.value;
    case 'slot':
      return values.get(node.slot);
    case 'text':
      return node.parts
        .map((part) => (typeof part === 'string' ? part : toText(values.get(part))))
        .join('');
    case 'url':
      return located(node.path, () => urlOf(node.parts, values));
    case 'array':
      return node.items.map((item) => build(item, values) ?? null);
    case 'object': {
      const result: { [key: string]: Json } = {};
      for (const [key, item] of node.entries) {
        const value = build(item, values);
        if (value !== undefined) result[key] = value;
      }
      return result;
    }
  }
}

function urlOf(parts: readonly (string | Slot)[], values: Values): string {
  const isRaw = (part: Slot) => part === parts[0] || part.expression.isRaw;
  const text = (part: Slot) => toText(values.get(part));
  if (parts.some((part) => typeof part === 'object' && isHidden(part, values))) {
    const shown = (part: Slot) =>
      isHidden(part, values) || isRaw(part) ? text(part) : encodeValue(text(part));
    return parts.map((part) => (typeof part === 'string' ? part : shown(part))).join('');
  }
  return buildUrl(
    parts.map((part) =>
      typeof part === 'string'
        ? { text: part, kind: 'literal' }
        : { text: text(part), kind: isRaw(part) ? 'raw' : 'value' },
    ),
  );
}

function toText(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object'
    ? JSON.stringify(value, (_key, part: unknown) => shortNumber(part))
    : String(shortNumber(value));
}

/** As $string of JSONata: 0.1 + 0.2 is 0.3. Unlike there, an integer keeps all its digits: it may be an id. */
function shortNumber(value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value)
    ? Number(value.toPrecision(15))
    : value;
}
