'use client';
// The progress of a run, live: `watch` returns each event once, also after a cut connection, and ends with the run.
import { useEffect, useState } from 'react';
import { browserClients } from '../../../lib/stepbase.ts';

const TEXTS: Readonly<Record<string, string>> = {
  'task.created': 'waits for a decision',
  'step.completed': 'done',
  'task.completed': 'done',
  'step.failed': 'failed',
  'step.skipped': 'not needed',
};

export function Progress({ runId }: { runId: string }) {
  const [steps, setSteps] = useState<ReadonlyMap<string, string>>(new Map());
  const [end, setEnd] = useState('');
  const [problem, setProblem] = useState('');

  useEffect(() => {
    const leave = new AbortController();
    const { signal } = leave;
    async function follow() {
      const run = browserClients().stepbase.run<'order'>(runId);
      for await (const { type, step_id: step } of run.watch({ signal })) {
        const text = TEXTS[type];
        if (step && text) setSteps((known) => new Map(known).set(step, text));
      }
      const { pack } = await run.result({ signal });
      setEnd(pack ? `Packed: ${pack.parcel}` : 'Refused');
    }
    follow().catch((error: unknown) => {
      if (!signal.aborted) setProblem(error instanceof Error ? error.message : String(error));
    });
    return () => leave.abort();
  }, [runId]);

  return (
    <>
      <ul aria-label="Progress">
        {[...steps].map(([step, text]) => (
          <li key={step}>
            {step}: {text}
          </li>
        ))}
      </ul>
      <p role="status">{end || 'In progress'}</p>
      {problem && <p role="alert">{problem}</p>}
    </>
  );
}
