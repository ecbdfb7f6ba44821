// CHANGELOG.md around `changeset version`, which inserts a section before the newest one. Before the first release, the
// changes were listed under [Unreleased]: they become a part of its section.

const UNRELEASED = /^## \[Unreleased\]\n([\s\S]*?)(?=^## |$(?![\s\S]))/m;
const MARK = '## 0.0.0\n';

export interface Prepared {
  /** The text for changesets. */
  text: string;
  /** The list under [Unreleased], without its heading. */
  unreleased: string;
}

/** Takes [Unreleased] out; without an earlier release, a mark shows changesets where sections stand. */
export function beforeVersion(text: string): Prepared {
  const unreleased = UNRELEASED.exec(text)?.[1]?.trim() ?? '';
  const rest = text.replace(UNRELEASED, '').trimEnd();
  const hasRelease = /^## \d+\.\d+/m.test(rest);
  return { text: `${rest}\n${hasRelease ? '' : `\n${MARK}`}`, unreleased };
}

/** Removes the mark and adds the list to the section of this version. */
export function afterVersion(text: string, version: string, unreleased: string): string {
  const clean = text.replace(`\n${MARK}`, '');
  if (unreleased === '') return clean;
  const start = clean.indexOf(`## ${version}\n`);
  if (start === -1) throw new Error(`CHANGELOG.md has no section ${version}`);
  const next = clean.indexOf('\n## ', start + 1);
  const end = next === -1 ? clean.length : next + 1;
  return `${clean.slice(0, end).trimEnd()}\n\n${unreleased}\n${next === -1 ? '' : `\n${clean.slice(end)}`}`;
}
