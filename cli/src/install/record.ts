// stepbase/install.json: the version that is installed, the files that the command line wrote, and how it changed
// supabase/config.toml. A file that someone changed since is not overwritten and not deleted.
import { createHash } from 'node:crypto';
import { isObject } from '../../../sdk/src/workflow/json.ts';
import { usage } from '../errors.ts';

export const RECORD = 'stepbase/install.json';

export interface InstallRecord {
  version: string;
  /** The hash of each file by its path. */
  files: Readonly<Record<string, string>>;
  /** The changes of supabase/config.toml as unified diffs, the oldest first. */
  config: readonly string[];
}

/** Line ends of Windows make no difference: git may have written them. */
export const hashOfText = (text: string): string =>
  createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('hex');

export const sameText = (a: string, b: string): boolean => hashOfText(a) === hashOfText(b);

export function parseRecord(text: string): InstallRecord {
  try {
    const value: unknown = JSON.parse(text);
    if (
      isObject(value) &&
      typeof value.version === 'string' &&
      isObject(value.files) &&
      Array.isArray(value.config)
    ) {
      return value as unknown as InstallRecord;
    }
  } catch {
    // The error below names the file.
  }
  throw usage('invalid_file', `${RECORD} must be as \`stepbase init\` wrote it`);
}

export const recordText = (record: InstallRecord): string => `${JSON.stringify(record, null, 2)}\n`;

/** Less than 0: `a` is older. Versions are those of packages, such as 1.2.0 or 1.2.0-beta.1. */
export function compareVersions(a: string, b: string): number {
  const [mainA = '', preA] = a.split(/-(.*)/s);
  const [mainB = '', preB] = b.split(/-(.*)/s);
  const byNumbers = compareParts(mainA, mainB);
  if (byNumbers !== 0 || preA === preB) return byNumbers;
  if (preA === undefined || preB === undefined) return preA === undefined ? 1 : -1;
  return compareParts(preA, preB);
}

function compareParts(a: string, b: string): number {
  const [left, right] = [a.split('.'), b.split('.')];
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const compared = (left[index] ?? '').localeCompare(right[index] ?? '', 'en', { numeric: true });
    if (compared !== 0) return compared;
  }
  return 0;
}
