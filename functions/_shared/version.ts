// The versions of the functions. `npm run release -- version` writes both; `npm run release -- check` compares them with
// package.json, stepbase.version() and the frozen releases.

/** The version of Stepbase that these functions belong to. */
export const VERSION = '0.1.0';

/** The oldest version of the schema that they work with: the last one that changed it. */
export const SCHEMA_FROM = '0.1.0';

const PARTS = /^(\d+)\.(\d+)\.(\d+)(?:[-+][0-9A-Za-z.+-]+)?$/;

/** Negative if `one` is older than `other`. A pre-release counts as its version. Throws for a text of another form. */
export function compareVersions(one: string, other: string): number {
  const [left, right] = [one, other].map((text) => {
    const found = PARTS.exec(text);
    if (found === null) throw new TypeError(`${JSON.stringify(text)} is not a version`);
    return found.slice(1, 4).map(Number);
  });
  for (const place of [0, 1, 2]) {
    const difference = (left?.[place] ?? 0) - (right?.[place] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
