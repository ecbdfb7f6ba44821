// package-lock.json of a compiled project: the part of Stepbase's own lock files that its packages need.

interface LockEntry {
  version?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
  [key: string]: unknown;
}

export interface Lock {
  packages: Record<string, LockEntry>;
}

export interface Manifest {
  name: string;
  version: string;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  [key: string]: unknown;
}

/** Where `name` is found from the package at `path`, as Node searches. */
function locate(lock: Lock, path: string, name: string): string | undefined {
  for (let from = path; ; from = from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/')))) {
    const found = `${from === '' ? '' : `${from}/`}node_modules/${name}`;
    if (lock.packages[found] !== undefined) return found;
    if (from === '') return undefined;
    if (!from.includes('/node_modules/')) from = '';
    if (from === '') return lock.packages[`node_modules/${name}`] && `node_modules/${name}`;
  }
}

const isOptionalPeer = (entry: LockEntry, name: string) =>
  entry.peerDependenciesMeta?.[name]?.optional === true;

/** `locks`: the lock files that packages are searched in; the first that has one decides. */
export function pruneLock(manifest: Manifest, locks: readonly Lock[]): Record<string, unknown> {
  const { name, version, dependencies, devDependencies, engines } = manifest;
  const packages: Record<string, unknown> = {
    '': { name, version, dependencies, devDependencies, ...(engines ? { engines } : {}) },
  };

  /** Adds the package that `at` needs, at the top if its place there is free or the same. */
  function add(lock: Lock, source: string, at: string, needed: string, flags: object): void {
    const found = locate(lock, source, needed);
    if (found === undefined) return;
    const entry = lock.packages[found] as LockEntry;
    let place = `node_modules/${needed}`;
    const top = packages[place] as LockEntry | undefined;
    if (top !== undefined && top.version === entry.version) {
      loosen(place, flags);
      return;
    }
    if (top !== undefined) place = `${at}/node_modules/${needed}`;
    if (packages[place] !== undefined) return;
    const { dev: _dev, optional: _optional, devOptional: _both, peer: _peer, ...kept } = entry;
    packages[place] = { ...kept, ...flags };
    for (const next of Object.keys(entry.dependencies ?? {})) add(lock, found, place, next, flags);
    for (const next of Object.keys(entry.optionalDependencies ?? {})) {
      add(lock, found, place, next, { ...flags, optional: true });
    }
    for (const next of Object.keys(entry.peerDependencies ?? {})) {
      if (!isOptionalPeer(entry, next)) add(lock, found, place, next, flags);
    }
  }

  /** A package that something needs for certain is neither optional nor for development only. */
  function loosen(place: string, flags: object): void {
    const entry = packages[place] as LockEntry;
    for (const flag of ['dev', 'optional']) {
      if (!(flag in flags)) delete entry[flag];
    }
  }

  const wanted: [Record<string, string>, object][] = [
    [dependencies, {}],
    [devDependencies, { dev: true }],
  ];
  for (const [names, flags] of wanted) {
    for (const needed of Object.keys(names)) {
      const lock = locks.find(({ packages: has }) => has[`node_modules/${needed}`] !== undefined);
      if (lock === undefined) throw new Error(`no lock file has the package ${needed}`);
      add(lock, '', '', needed, flags);
    }
  }
  const sorted = Object.entries(packages).sort(([one], [other]) => (one < other ? -1 : 1));
  return {
    name,
    version,
    lockfileVersion: 3,
    requires: true,
    packages: Object.fromEntries(sorted),
  };
}
