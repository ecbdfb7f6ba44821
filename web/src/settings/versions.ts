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

/** The versions of one name, the newest first. */
export interface Group<Row> {
  key: string;
  name: string;
  versions: Row[];
}

/** Groups rows that newestFirst sorted; rows of all applications are apart from own ones of the same name. */
export function byName<Row extends Versioned & { app_code: string | null }>(
  rows: readonly Row[],
): Group<Row>[] {
  const groups = new Map<string, Group<Row>>();
  for (const row of rows) {
    const key = `${row.app_code ?? ''}/${row.name}`;
    const group = groups.get(key);
    if (group) group.versions.push(row);
    else groups.set(key, { key, name: row.name, versions: [row] });
  }
  return [...groups.values()];
}
