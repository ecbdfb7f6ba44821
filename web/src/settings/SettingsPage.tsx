// The settings of the application, by section.

import { useAppCode } from '../shared/app.tsx';
import { JsonView } from '../shared/JsonView.tsx';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';

export default function SettingsPage() {
  const code = useAppCode();
  const { data, error, refetch } = useAppQuery(['application'], (signal) =>
    ask(
      supabase.from('applications').select('*').eq('app_code', code).abortSignal(signal).single(),
    ),
  );
  return (
    <>
      <PageHeader title="Settings" help="guides/organizations-and-members" />
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined && !error && <LoadingState rows={3} />}
      {data && <JsonView label="Application" value={data} />}
    </>
  );
}
