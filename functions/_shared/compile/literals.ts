// Values as TypeScript: keys without quotes where they need none, texts of several lines as template literals.

const NAME = /^[A-Za-z_$][A-Za-z0-9_$]*$/;
const WIDTH = 92;

export function quote(text: string): string {
  if (text.includes('\n') && !/[\p{Cc}\u2028\u2029]/u.test(text.replaceAll('\n', ''))) {
    const escaped = text.replaceAll('\\', '\\\\').replaceAll('`', '\\`').replaceAll('${', '\\${');
    return `\`${escaped}\``;
  }
  return oneLine(text);
}

function oneLine(text: string): string {
  const json = JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
  if (text.includes("'")) return json;
  return `'${json.slice(1, -1).replaceAll('\\"', '"')}'`;
}

export const keyOf = (key: string): string =>
  key === '__proto__' ? `['__proto__']` : NAME.test(key) ? key : oneLine(key);

/** `indent`: of the line that the literal begins in; `used`: the characters of that line beside the literal. */
export function literal(value: unknown, indent = '', used = indent.length): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const inner = `${indent}  `;
  const parts = Array.isArray(value)
    ? value.map((item) => literal(item, inner))
    : Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]) => `${keyOf(key)}: ${literal(item, inner)}`);
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  if (parts.length === 0) return open + close;
  const space = Array.isArray(value) ? '' : ' ';
  const line = `${open}${space}${parts.join(', ')}${space}${close}`;
  if (line.length + used <= WIDTH && !line.includes('\n')) return line;
  return `${open}\n${parts.map((part) => `${inner}${part},\n`).join('')}${indent}${close}`;
}

/** Text that is safe in a comment of one line. */
export const inComment = (text: string): string =>
  text.replace(/\s+/g, ' ').replaceAll('*/', '* /').trim();
