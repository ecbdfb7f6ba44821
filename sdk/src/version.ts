// The version of the SDK, which `npm run release -- version` writes, and the comparison with that of an installation.

export const VERSION = '0.1.0';

/** Negative if `one` is older than `other`. A pre-release counts as its version; another text as 0.0.0. */
export function compareVersions(one: string, other: string): number {
  const numbers = (text: string) => /^(\d+)\.(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number) ?? [];
  const [left, right] = [numbers(one), numbers(other)];
  const place = [0, 1, 2].find((at) => (left[at] ?? 0) !== (right[at] ?? 0)) ?? 0;
  return (left[place] ?? 0) - (right[place] ?? 0);
}
