// The attempts of a step, the newest first, then its compensation and the tools of an agent: error, output and input of
// each. The values are read when the panel is open, and again when an attempt changes.
import { Text } from '@mantine/core';
import type { StepTexts } from '../../../../sdk/src/live/index.ts';
import { ask, useAppQuery } from '../../shared/query.ts';
import { ErrorState, LoadingState } from '../../shared/states.tsx';
import { supabase } from '../../shared/supabase.ts';
import { Attempt } from './Attempt.tsx';

interface Props {
  runId: string;
  stepId: string;
  signature: string;
  handles: (string | null)[];
  texts: StepTexts;
}

const SHOWN = 50;

export function Attempts({ runId, stepId, signature, handles, texts }: Props) {
  const { data, error, refetch } = useAppQuery(
    ['step', runId, stepId, signature],
    (signal) =>
      ask(
        supabase
          .from('step_runs')
          .select('*')
          .eq('run_id', runId)
          .eq('step_id', stepId)
          .lte('item_index', 0)
          .order('item_index', { ascending: false })
          .order('attempt', { ascending: false })
          .limit(SHOWN)
          .abortSignal(signal),
      ),
    {
      // The last values stay while newer ones are read, but not those of another step.
      placeholderData: (known) => (known?.[0]?.step_id === stepId ? known : undefined),
    },
  );
  if (error) return <ErrorState error={error} retry={() => void refetch()} />;
  if (data === undefined) return <LoadingState rows={3} />;
  return (
    <>
      {data.map((step, place) => (
        <Attempt key={step.id} step={step} isFirst={place === 0} handles={handles} text={texts} />
      ))}
      {data.length === SHOWN && (
        <Text size="sm" c="dimmed">
          The newest {SHOWN} are shown.
        </Text>
      )}
    </>
  );
}
