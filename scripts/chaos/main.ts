// npm run chaos [-- --json] [--short]: injects faults into a throw-away stack for a minute and prints a report.
// Exit code 1 if a run was lost, completed twice, out of order, or left rows behind.

import { parseArgs } from 'node:util';
import { chaos, isSound, LONG, SHORT } from './chaos.ts';

const { values } = parseArgs({
  options: { json: { type: 'boolean' }, short: { type: 'boolean' } },
});
const say = (message: string) => console.error(`chaos: ${message}`);

const { report, problems } = await chaos({ ...(values.short ? SHORT : LONG), say });
for (const { kind, runId, text } of problems.slice(0, 50)) say(`${kind} ${runId}: ${text}`);
if (values.json) console.log(JSON.stringify(report));
else console.table([report]);
process.exit(isSound(report) ? 0 : 1);
