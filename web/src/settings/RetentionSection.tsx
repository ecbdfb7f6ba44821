// How long rows are kept, and what that means today. The bounds are quotas of the operator.
import { Button, Group, NumberInput, Stack } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useMay } from '../shared/app.tsx';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import type { Row } from '../shared/supabase.ts';
import { useNow } from '../shared/Times.tsx';
import { Panel } from './parts.tsx';
import { boundsInWords, keptSince } from './retention-words.ts';
import { useApplication, useQuotas, useUpdateApplication } from './use-application.ts';

function RetentionForm({ application }: { application: Row<'applications'> }) {
  const mayManage = useMay('member:manage');
  const { data: quotas } = useQuotas();
  const [runs, setRuns] = useState<number | string>(application.run_retention_days);
  const [events, setEvents] = useState<number | string>(application.event_retention_days);
  const [audit, setAudit] = useState<number | string>(application.audit_retention_days);
  const save = useUpdateApplication();
  const isChanged =
    runs !== application.run_retention_days ||
    events !== application.event_retention_days ||
    audit !== application.audit_retention_days;

  function submit(event: FormEvent): void {
    event.preventDefault();
    save.run({
      run_retention_days: Number(runs),
      event_retention_days: Number(events),
      audit_retention_days: Number(audit),
    });
  }
  const now = useNow();
  const text = (...parts: string[]) => parts.filter(Boolean).join(' ');
  const common = { suffix: ' days', readOnly: !mayManage, required: mayManage, min: 0 } as const;
  return (
    <form onSubmit={submit}>
      <Stack maw={460}>
        <NumberInput
          {...common}
          label="Runs that have ended"
          description={text(
            keptSince(runs, now),
            'A fraction is allowed: 0.25 is six hours.',
            boundsInWords(0, quotas?.max_run_retention_days),
          )}
          value={runs}
          {...(quotas ? { max: quotas.max_run_retention_days } : {})}
          onChange={setRuns}
        />
        <NumberInput
          {...common}
          label="Events of runs"
          description={text(
            keptSince(events, now),
            'Whole months are dropped.',
            boundsInWords(1, quotas?.max_event_retention_days),
          )}
          value={events}
          allowDecimal={false}
          {...(quotas ? { max: quotas.max_event_retention_days } : {})}
          onChange={setEvents}
        />
        <NumberInput
          {...common}
          label="Audit log"
          description={text(
            keptSince(audit, now),
            'Whole months are dropped, and their seals stay.',
            boundsInWords(quotas?.min_audit_retention_days, quotas?.max_audit_retention_days),
          )}
          value={audit}
          allowDecimal={false}
          {...(quotas
            ? { min: quotas.min_audit_retention_days, max: quotas.max_audit_retention_days }
            : {})}
          onChange={setAudit}
        />
        {mayManage && (
          <Group>
            <Button type="submit" disabled={!isChanged} loading={save.isRunning}>
              Save
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  );
}

export default function RetentionSection() {
  const { data, error, refetch } = useApplication();
  return (
    <>
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {!data && !error && <LoadingState rows={3} height={56} />}
      {data && (
        <Panel>
          <RetentionForm key={data.updated_at} application={data} />
        </Panel>
      )}
    </>
  );
}
