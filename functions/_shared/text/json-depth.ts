// The nesting depth of JSON text, measured before it is parsed: deeply nested values overflow the stack of
// the recursive functions that read them, in JavaScript and in PostgreSQL.

/** As deep as the values that expressions may return. */
export const MAX_JSON_DEPTH = 200;

/** Whether arrays and objects in the text nest more than `depth` levels deep. Takes linear time. */
export function nestsDeeperThan(text: string, depth: number): boolean {
  let open = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const symbol = text[at];
    if (inString) {
      if (symbol === '\\') at += 1;
      else if (symbol === '"') inString = false;
    } else if (symbol === '"') {
      inString = true;
    } else if (symbol === '{' || symbol === '[') {
      open += 1;
      if (open > depth) return true;
    } else if (symbol === '}' || symbol === ']') {
      open -= 1;
    }
  }
  return false;
}
