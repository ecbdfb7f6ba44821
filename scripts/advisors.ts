// `npm run advisors`: the lints of the real Supabase CLI on the migrated database. Fails on any ERROR or WARN, on an
// INFO without a reason in supabase/advisors.accepted.json, and on an unused reason.

import { parseArgs } from 'node:util';
import { ACCEPTED_FILE, findings, judge, readAccepted } from './database/advisors.ts';
import { withDatabase } from './database/target.ts';

const { values } = parseArgs({ options: { 'db-url': { type: 'string' } } });

const verdict = await withDatabase(values['db-url'], async (url) =>
  judge(await findings(url), readAccepted()),
);
for (const { level, name, detail, cacheKey } of verdict.refused) {
  console.log(`${level} ${name}: ${detail}\n  ${cacheKey}`);
}
for (const { lint, match } of verdict.stale) {
  console.log(`STALE ${lint}: nothing matches ${match} in ${ACCEPTED_FILE}`);
}
const wrong = verdict.refused.length + verdict.stale.length;
console.log(`${wrong} problems, ${verdict.accepted.length} accepted with a reason`);
process.exitCode = wrong === 0 ? 0 : 1;
