// The input and the output of the run.
import { Stack, Text, Title } from '@mantine/core';
import { JsonView } from '../../shared/JsonView.tsx';
import type { Run } from '../../shared/supabase.ts';
import classes from '../run.module.css';

function Value({ title, value, none }: { title: string; value: unknown; none: string }) {
  return (
    <Stack gap={6}>
      <Title order={2} size="h5">
        {title}
      </Title>
      {value === null ? (
        <Text c="dimmed" size="sm">
          {none}
        </Text>
      ) : (
        <JsonView label={title} value={value} maxHeight={440} />
      )}
    </Stack>
  );
}

export function ValuesTab({ run, hasEnded }: { run: Run; hasEnded: boolean }) {
  return (
    <div className={classes.pair}>
      <Value title="Input" value={run.input} none="The run has no input." />
      <Value
        title="Output"
        value={run.output}
        none={hasEnded ? 'The run has no output.' : 'The run has no output yet.'}
      />
    </div>
  );
}
