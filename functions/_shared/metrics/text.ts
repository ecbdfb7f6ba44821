// Metrics as text in the exposition format of Prometheus, version 0.0.4, and who may read them.

import { matchesAny } from '../auth/keys.ts';

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export interface Family {
  /** Without the prefix. */
  name: string;
  type: 'gauge' | 'counter' | 'histogram';
  help: string;
}

export interface Sample {
  name: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}

const escaped = (text: string) =>
  text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');

function line({ name, labels, value }: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `stepbase_${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
}

/** The samples of a histogram end with _bucket, _sum and _count. */
const isOf = ({ name, type }: Family, sample: Sample): boolean =>
  sample.name === name ||
  (type === 'histogram' && sample.name.replace(/_(bucket|sum|count)$/, '') === name);

/** A family without samples has its description only. */
export function metricsText(families: readonly Family[], samples: readonly Sample[]): string {
  return families
    .map((family) => {
      const { name, type, help } = family;
      const lines = samples.filter((sample) => isOf(family, sample)).map(line);
      return `# HELP stepbase_${name} ${help}\n# TYPE stepbase_${name} ${type}\n${lines.join('')}`;
    })
    .join('');
}

/** The secret key in `apikey` or as Bearer token, or the token for metrics as Bearer token. */
export function mayReadMetrics(
  headers: Headers,
  { secretKeys, token }: { secretKeys: readonly string[]; token: string | undefined },
): boolean {
  const [, bearer = ''] = /^Bearer +(\S+)$/i.exec(headers.get('authorization') ?? '') ?? [];
  const tokens = token === undefined ? secretKeys : [...secretKeys, token];
  return matchesAny(bearer, tokens) || matchesAny(headers.get('apikey') ?? '', secretKeys);
}
