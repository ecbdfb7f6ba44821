// The filters of change subscriptions (`column=operator.value`, several separated by commas): parses the text of the
// client and builds SQL over the values of the changed row.

import { limits } from './limits.ts';

const OPERATORS = {
  eq: '=',
  neq: '<>',
  lt: '<',
  lte: '<=',
  gt: '>',
  gte: '>=',
  in: '= any',
  like: 'like',
  ilike: 'ilike',
  is: 'is',
  match: '~',
  imatch: '~*',
  isdistinct: 'is distinct from',
} as const;

export type Operator = keyof typeof OPERATORS;

export interface Filter {
  column: string;
  operator: Operator;
  /** The values of `in`, one value for every other operator. */
  values: string[];
  negate: boolean;
}

const IS_VALUES = new Set(['null', 'true', 'false', 'unknown']);

function isOperator(word: string | undefined): word is Operator {
  return word !== undefined && Object.hasOwn(OPERATORS, word);
}

/** Throws with the message for the client. */
export function parseFilters(text: string | undefined): Filter[] {
  if (text === undefined || text === '') return [];
  return split(text).map(parseFilter);
}

function parseFilter(text: string): Filter {
  const match = /^([^=]+)=(not\.)?([a-z]+)\.(.*)$/s.exec(text);
  const [, column, not, operator, value = ''] = match ?? [];
  if (column === undefined || !isOperator(operator)) {
    throw new Error(`Error parsing \`filter\` params: "${text}"`);
  }
  const values = operator === 'in' ? inValues(value) : [unquote(value)];
  if (values.length > limits.inFilterValues) {
    throw new Error(`too many values for \`in\` filter. Maximum ${limits.inFilterValues}`);
  }
  if (operator === 'is' && !IS_VALUES.has(value)) {
    throw new Error('invalid value for is filter: must be null, true, false, or unknown');
  }
  return { column: column.trim(), operator, values, negate: not !== undefined };
}

function inValues(value: string): string[] {
  if (!value.startsWith('(') || !value.endsWith(')')) {
    throw new Error('`in` filter value must be wrapped by parentheses');
  }
  const inner = value.slice(1, -1);
  return inner === '' ? [] : split(inner).map((item) => unquote(item.trim()));
}

/** Splits at commas that are not in quotes or parentheses. */
function split(text: string): string[] {
  const parts: string[] = [];
  let part = '';
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index];
    if (char === '\\' && quoted) {
      part += char + (text[index + 1] ?? '');
      index += 1;
      continue;
    }
    if (char === '"') quoted = !quoted;
    else if (!quoted && char === '(') depth += 1;
    else if (!quoted && char === ')') depth -= 1;
    if (char === ',' && !quoted && depth === 0) {
      parts.push(part);
      part = '';
    } else part += char;
  }
  return [...parts, part];
}

function unquote(value: string): string {
  if (value.length < 2 || !value.startsWith('"') || !value.endsWith('"')) return value;
  return value.slice(1, -1).replace(/\\(.)/gs, '$1');
}

/** `value` is the SQL of the row's value, of `type`; `parameter` adds a value and returns its placeholder. */
export function filterSql(
  filter: Filter,
  value: string,
  type: string,
  parameter: (value: unknown) => string,
): string {
  const { operator, values } = filter;
  const symbol = OPERATORS[operator];
  const [first = ''] = values;
  const sql = (): string => {
    switch (operator) {
      case 'in':
        return `${value} = any (${parameter(values)}::text[]::${type}[])`;
      case 'is':
        return `${value} is ${IS_VALUES.has(first) ? first : 'null'}`;
      case 'like':
      case 'ilike':
      case 'match':
      case 'imatch':
        return `${value}::text ${symbol} ${parameter(first)}::text`;
      default:
        return `${value} ${symbol} ${parameter(first)}::${type}`;
    }
  };
  return `coalesce(${filter.negate ? `not (${sql()})` : sql()}, false)`;
}
