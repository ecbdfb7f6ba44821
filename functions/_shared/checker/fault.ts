// A fault of a definition, and the JSON pointers (RFC 6901) that say where it is.

export interface Fault {
  /** The id of the node, or of the source of the edge; null: the fault is of no node. */
  node: string | null;
  /** Into the definition. */
  pointer: string;
  code: string;
  message: string;
  /** What to write instead. */
  hint?: string;
  /** An error prevents publishing over HTTP; a warning does not. */
  severity: 'error' | 'warning';
}

export function pointerTo(base: string, ...keys: (string | number)[]): string {
  return [base, ...keys.map((key) => String(key).replaceAll('~', '~0').replaceAll('/', '~1'))].join(
    '/',
  );
}

export function suggestion(nearest: string | undefined): { hint?: string } {
  return nearest === undefined ? {} : { hint: `did you mean ${nearest}?` };
}
