// Runs one step outside of a workflow, as the editor does: `start({ definition, input })` starts a run of the hidden
// workflow test-of-<name>, and `runId` is that run.
import { useState } from 'react';
import { useApp } from '../../shared/app.tsx';
import { type Action, ask, useAction } from '../../shared/query.ts';
import { type Json, supabase } from '../../shared/supabase.ts';

interface Test {
  definition: Json;
  input: Json;
}

/** A test run does what a published version would do, so it needs both permissions. */
export function useMayTest(): boolean {
  const { permissions } = useApp();
  return ['run:execute', 'workflow:publish', 'run:read'].every((each) => permissions.has(each));
}

export function useTestRun(name: string): {
  runId: string | undefined;
  start: Action<Test, unknown>;
} {
  const [runId, setRunId] = useState<string>();
  const start = useAction(
    ({ definition, input }: Test) =>
      ask(supabase.rpc('test_workflow', { kebab_name: name, definition, input })),
    { isQuiet: true, onSuccess: (run) => setRunId((run as { id: string }).id) },
  );
  return { runId, start };
}
