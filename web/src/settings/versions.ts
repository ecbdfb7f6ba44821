// Rows of one name with several semantic versions, newest version first.
export interface Versioned {
  name: string;
  version: string;
}

/** Compares semantic versions; a version with a suffix (1.0.0-rc.1) comes before the same one without. */
export function compareVersions(a: string, b: string): number {
  const [coreA = '', suffixA = ''] = a.split(/-(.*)/s);
  const [coreB = '', suffixB = ''] = b.split(/-(.*)/s);
  const byNumbers = coreA.localeCompare(coreB, 'en', { numeric: true });
  if (byNumbers !== 0) return byNumbers;
  if (suffixA === '' || suffixB === '') return Number(suffixA === '') - Number(suffixB === '');
  return suffixA.localeCompare(suffixB, 'en', { numeric: true });
}

export function newestFirst<Row extends Versioned>(rows: readonly Row[]): Row[] {
  return [...rows].sort(
    (a, b) => a.name.localeCompare(b.name) || compareVersions(b.version, a.version),
  );
}

/** 1.2.3 → 1.3.0. */
export function nextVersion(version: string): string {
  const [major = '0', minor = '0'] = version.split('.');
  return `${major}.${Number(minor) + 1}.0`;
}
