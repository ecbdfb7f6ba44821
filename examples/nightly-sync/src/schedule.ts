// Creates the schedule, or changes it if there is one: every night at three. Run it after each deploy.
import process from 'node:process';
import { createStepbase } from 'stepbase';
import type { WorkflowsOf } from 'stepbase/workflow';
import type { nightlySync } from '../stepbase/workflows/nightly-sync.ts';

const { STEPBASE_URL: url, STEPBASE_API_KEY: apiKey, STEPBASE_APP: app, SOURCE_URL } = process.env;
if (!url || !apiKey || !SOURCE_URL) {
  throw new Error('Set STEPBASE_URL, STEPBASE_API_KEY and SOURCE_URL');
}

const { schedules } = createStepbase<WorkflowsOf<typeof nightlySync>>({
  url,
  apiKey,
  ...(app ? { app } : {}),
});
const settings = {
  cron: '0 3 * * *',
  timezone: 'Europe/Berlin',
  input: { source_url: SOURCE_URL },
  // A sync that takes longer than a day is not started twice.
  overlapPolicy: 'skip' as const,
};
const [existing] = await schedules.list({ workflow: 'nightly-sync' }).toArray({ max: 1 });
const schedule = existing
  ? await schedules.update(existing.id, settings)
  : await schedules.create('nightly-sync', settings);
const [next] = await schedules.nextTimes(schedule.id, { count: 1 });
console.log(`The next sync starts at ${next}`);
