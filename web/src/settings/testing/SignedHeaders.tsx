// The headers of a test call of a component, from the log of its attempt: what the service has to verify.
import { Code, Stack, Table, Text, Title } from '@mantine/core';
import { ask, useAppQuery } from '../../shared/query.ts';
import { supabase } from '../../shared/supabase.ts';
import { runTopic, useLiveKeys } from '../../shared/use-live.ts';
import { headersOf } from './headers.ts';

export function SignedHeaders({ runId, stepId }: { runId: string; stepId: string }) {
  const key = ['step-logs', runId, stepId, 'headers'];
  useLiveKeys(runTopic(runId), [key]);
  const { data } = useAppQuery(key, (signal) =>
    ask(
      supabase
        .from('step_logs')
        .select('message, data')
        .eq('run_id', runId)
        .eq('step_id', stepId)
        .order('seq', { ascending: false })
        .abortSignal(signal),
    ),
  );
  const sent = headersOf(data ?? []);
  if (sent === undefined) return null;
  return (
    <Stack gap="xs" data-signed={sent.isSigned}>
      <Title order={3} size="h5">
        Signed request
      </Title>
      <Code style={{ overflowWrap: 'anywhere' }}>{sent.request}</Code>
      <Table layout="fixed" verticalSpacing={4} aria-label="Headers of the call">
        <Table.Tbody>
          {sent.headers.map(([name, value]) => (
            <Table.Tr key={name}>
              <Table.Th scope="row" fw={400} w={170} className="mono">
                {name}
              </Table.Th>
              <Table.Td className="mono" style={{ overflowWrap: 'anywhere' }}>
                {value}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Text size="sm" c="dimmed">
        {sent.isSigned
          ? 'The signature is the HMAC-SHA256 of webhook-id, webhook-timestamp and the body, joined by dots, in Base64.'
          : 'The component has no signing secret, so the call was not signed. Create one with “Create a signing secret”.'}
      </Text>
    </Stack>
  );
}
