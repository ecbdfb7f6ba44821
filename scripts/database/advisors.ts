// The findings of `supabase db advisors` for a database, and those that are accepted for a stated reason.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ROOT } from '../stack/options.ts';
import { supabaseOutput } from './supabase-cli.ts';

export const ACCEPTED_FILE = join(ROOT, 'supabase', 'advisors.accepted.json');

const finding = z.object({
  name: z.string(),
  level: z.enum(['ERROR', 'WARN', 'INFO']),
  detail: z.string(),
  cacheKey: z.string(),
});
const report = z.object({ results: z.array(finding) });
const acceptance = z.object({
  lint: z.string(),
  /** A regular expression for the whole cache key after the name of the lint. */
  match: z.string(),
  reason: z.string().min(10),
});

export type Finding = z.infer<typeof finding>;
export type Acceptance = z.infer<typeof acceptance>;

export interface Verdict {
  refused: Finding[];
  accepted: Finding[];
  /** Acceptances that match no finding. */
  stale: Acceptance[];
}

export function readAccepted(): Acceptance[] {
  return z.array(acceptance).parse(JSON.parse(readFileSync(ACCEPTED_FILE, 'utf8')));
}

/** Without pgrst.db_schemas the lints for exposed schemas would report nothing. */
export function withApiSchemas(url: string): string {
  const address = new URL(url);
  address.searchParams.set('options', '-c pgrst.db_schemas=public,stepbase');
  return address.href.replaceAll('+', '%20');
}

export async function findings(url: string): Promise<Finding[]> {
  const output = await supabaseOutput([
    ...['db', 'advisors', '--remote', withApiSchemas(url)],
    ...['--level', 'info', '--fail-on', 'none', '--output-format', 'json'],
  ]);
  return report.parse(JSON.parse(output)).results;
}

/** Only findings of level INFO can be accepted. */
export function judge(found: Finding[], accepted: Acceptance[]): Verdict {
  const matches = (entry: Acceptance, item: Finding) =>
    item.level === 'INFO' &&
    item.name === entry.lint &&
    new RegExp(`^${entry.lint}_(?:${entry.match})$`).test(item.cacheKey);
  const isAccepted = (item: Finding) => accepted.some((entry) => matches(entry, item));
  return {
    refused: found.filter((item) => !isAccepted(item)),
    accepted: found.filter(isAccepted),
    stale: accepted.filter((entry) => !found.some((item) => matches(entry, item))),
  };
}
