// The runs on which a bulk operation failed, each with the reason.
import { Table, Text } from '@mantine/core';
import { AppLink } from '../shared/address.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';

export default function OperationFailures({ id }: { id: string }) {
  const { data, error, refetch } = useAppQuery(['operations', id, 'failures'], (signal) =>
    ask(
      supabase
        .from('run_operation_failures')
        .select('run_id, code, message')
        .eq('operation_id', id)
        .limit(1_000)
        .abortSignal(signal),
    ),
  );
  if (error) return <ErrorState error={error} retry={() => void refetch()} />;
  if (!data) return <LoadingState rows={1} />;
  return (
    <Table>
      <Table.Tbody>
        {data.map(({ run_id, code, message }) => (
          <Table.Tr key={run_id}>
            <Table.Td className="mono">
              <AppLink to={`/runs/${run_id}`}>…{run_id.slice(-12)}</AppLink>
            </Table.Td>
            <Table.Td>
              {message}{' '}
              <Text span size="xs" c="dimmed">
                {code}
              </Text>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
