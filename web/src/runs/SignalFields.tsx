// What a signal to many runs needs: its name, with those that the workflows declare as suggestions, and its payload.
import { Autocomplete } from '@mantine/core';
import { JsonEditor } from '../shared/code/editors.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';

interface Draft {
  name: string;
  /** JSON as text. */
  payload: string;
}

interface Props {
  signal: Draft;
  onChange(signal: Draft): void;
  problem: string | undefined;
}

export function SignalFields({ signal, onChange, problem }: Props) {
  const { data = [] } = useAppQuery(['declared-signals'], (abort) =>
    ask(
      supabase
        .from('workflow_signals')
        .select('signal_name')
        .order('signal_name')
        .limit(500)
        .abortSignal(abort),
    ),
  );
  return (
    <>
      <Autocomplete
        label="Signal"
        required
        maxLength={100}
        data={[...new Set(data.map(({ signal_name }) => signal_name))]}
        value={signal.name}
        onChange={(name) => onChange({ ...signal, name })}
      />
      <JsonEditor
        label="Payload"
        value={signal.payload}
        onChange={(payload) => onChange({ ...signal, payload })}
        minHeight={90}
        {...(problem ? { error: problem } : {})}
      />
    </>
  );
}
