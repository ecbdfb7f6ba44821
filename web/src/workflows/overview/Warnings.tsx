// What explain_workflow found in the version that starts: problems that prevent publishing, warnings, and the findings of
// the worker.
import { Alert, List, Text } from '@mantine/core';
import { ask, useAppQuery } from '../../shared/query.ts';
import { ErrorState } from '../../shared/states.tsx';
import { supabase } from '../../shared/supabase.ts';
import { Section } from './Section.tsx';

interface Explained {
  problems: { node?: string | null; code: string; message: string; hint?: string }[];
  warnings: { node_id: string | null; code: string; message: string }[];
  check: { findings: { node?: string | null; code?: string; message: string }[] } | null;
}

function Finding({ node, message, code }: { node: string; message: string; code: string }) {
  return (
    <List.Item>
      {node && <strong>{node}: </strong>}
      {message}{' '}
      <Text span size="xs" c="dimmed" className="mono">
        {code}
      </Text>
    </List.Item>
  );
}

export function Warnings({ kebabName }: { kebabName: string }) {
  const { data, error, refetch } = useAppQuery(
    ['workflows', 'explain', kebabName],
    async (signal) =>
      (await ask(
        supabase.rpc('explain_workflow', { workflow: kebabName }).abortSignal(signal),
      )) as unknown as Explained,
    { staleTime: 60_000, retry: false },
  );
  if (error) {
    return (
      <ErrorState
        error={error}
        retry={() => void refetch()}
        texts={{ not_found: 'The workflow has no version to check yet.' }}
      />
    );
  }
  if (data === undefined) return null;
  const problems = [
    ...data.problems.map(({ node, message, hint, code }) => ({
      node: node ?? '',
      message: hint ? `${message} ${hint}` : message,
      code,
    })),
    ...(data.check?.findings ?? []).map(({ node, message, code }) => ({
      node: node ?? '',
      message,
      code: code ?? '',
    })),
  ];
  const warnings = data.warnings.map(({ node_id, ...rest }) => ({ node: node_id ?? '', ...rest }));
  if (problems.length + warnings.length === 0) return null;
  const show = (findings: typeof warnings) => (
    <List size="sm" spacing={6} c="var(--mantine-color-text)">
      {findings.map((finding) => (
        <Finding key={`${finding.node} ${finding.code} ${finding.message}`} {...finding} />
      ))}
    </List>
  );
  return (
    <Section title="To mind">
      {problems.length > 0 && (
        <Alert color="red" title="It cannot be published as it is" mb="xs">
          {show(problems)}
        </Alert>
      )}
      {warnings.length > 0 && <Alert color="yellow">{show(warnings)}</Alert>}
    </Section>
  );
}
