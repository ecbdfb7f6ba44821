// Chooses the run to compare with: one of the same workflow, or any by its id.
import { Button, Group, Stack, Table, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { AppLink, useGo } from '../../shared/address.tsx';
import { Modal } from '../../shared/dialogs.tsx';
import { ask, useAppQuery } from '../../shared/query.ts';
import { StatusBadge } from '../../shared/StatusBadge.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../shared/states.tsx';
import { type Run, supabase } from '../../shared/supabase.ts';
import { Duration, RelativeTime } from '../../shared/Times.tsx';

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const SHOWN = 8;

export default function CompareDialog({ run, onClose }: { run: Run; onClose(): void }) {
  const go = useGo();
  const [typed, setTyped] = useState('');
  const others = useAppQuery(['runs', 'to-compare', run.id], (signal) =>
    ask(
      supabase
        .from('runs')
        .select('id,status,created_at,duration_ms,origin_run_id')
        .eq('workflow_id', run.workflow_id)
        .neq('id', run.id)
        .order('created_at', { ascending: false })
        .order('id', { ascending: false })
        .limit(SHOWN)
        .abortSignal(signal),
    ),
  );
  const id = typed.trim().toLowerCase();
  const pathTo = (other: string) => `/runs/${run.id}/compare/${other}`;
  return (
    <Modal opened onClose={onClose} title="Compare with another run" size="lg">
      <Stack>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (ID.test(id)) go(pathTo(id));
          }}
        >
          <Group align="flex-end">
            <TextInput
              label="Id of the run"
              value={typed}
              style={{ flex: 1 }}
              onChange={(event) => setTyped(event.currentTarget.value)}
              error={id !== '' && !ID.test(id) && 'This is not the id of a run.'}
            />
            <Button type="submit" disabled={!ID.test(id)}>
              Compare
            </Button>
          </Group>
        </form>
        {others.error && <ErrorState error={others.error} retry={() => void others.refetch()} />}
        {others.isPending && <LoadingState rows={4} height={32} />}
        {others.data?.length === 0 && <EmptyState title="The workflow has no other run" />}
        {others.data && others.data.length > 0 && (
          <Table verticalSpacing={6} fz="sm">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Latest runs of the workflow</Table.Th>
                <Table.Th>Status</Table.Th>
                <Table.Th>Created</Table.Th>
                <Table.Th>Duration</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {others.data.map((other) => (
                <Table.Tr key={other.id}>
                  <Table.Td>
                    <AppLink to={pathTo(other.id)}>…{other.id.slice(-12)}</AppLink>
                    {(other.origin_run_id === run.id || run.origin_run_id === other.id) && (
                      <Text span size="xs" c="dimmed">
                        {' '}
                        {other.origin_run_id === run.id ? 'repeats this run' : 'the run it repeats'}
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td>
                    <StatusBadge name={other.status} />
                  </Table.Td>
                  <Table.Td>
                    <RelativeTime at={other.created_at} />
                  </Table.Td>
                  <Table.Td>
                    <Duration ms={other.duration_ms} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </Stack>
    </Modal>
  );
}
