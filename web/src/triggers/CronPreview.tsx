// A cron expression in words, with its next five times in the zone of the schedule.
import { List, Stack, Text } from '@mantine/core';
import { inWords, inZone, nextClockChange, nextTimes } from './cron.ts';

interface Props {
  expression: string;
  timezone: string;
}

export function CronPreview({ expression, timezone }: Props) {
  const times = nextTimes(expression, timezone);
  if (times === undefined) {
    return (
      <Text size="sm" c="dimmed">
        Enter five fields (minute, hour, day, month, weekday) to see the next times.
      </Text>
    );
  }
  const change = nextClockChange(timezone);
  return (
    <Stack gap={4}>
      <Text size="sm" fw={500}>
        {inWords(expression) ?? expression}
      </Text>
      {times.length === 0 ? (
        <Text size="sm">This expression has no further time.</Text>
      ) : (
        <List size="sm" aria-label="Next times">
          {times.map((time) => (
            <List.Item key={time.toISOString()}>{inZone(time, timezone)}</List.Item>
          ))}
        </List>
      )}
      <Text size="xs" c="dimmed">
        {change
          ? `The clocks of ${timezone} change next in ${change.toLocaleDateString(undefined, { month: 'long', year: 'numeric' })}. A fixed time that does not exist then runs at the jump, and one that occurs twice runs once.`
          : `${timezone} has no daylight saving time.`}
      </Text>
    </Stack>
  );
}
