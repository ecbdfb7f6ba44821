// Verifies the chain of hashes of the audit log and gives the newest seal to be kept elsewhere.
import { Alert, Button, Code, Group, Stack, Text } from '@mantine/core';
import { IconShieldCheck, IconShieldX } from '@tabler/icons-react';
import { useState } from 'react';
import { useAppCode } from '../shared/app.tsx';
import { ask, useAction } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';
import { type Verdict, type VerifyPage, verdictOf } from './audit-changes.ts';
import { Block, download, Panel } from './parts.tsx';

/** A call checks about 50,000 rows. */
async function verify(): Promise<Verdict> {
  const pages: VerifyPage[] = [];
  let from: number | null = 1;
  while (from !== null) {
    const page = (await ask(
      supabase.rpc('verify_audit_log', pages.length === 0 ? {} : { from_seq: from }),
    )) as unknown as VerifyPage;
    pages.push(page);
    from = page.problem === null ? page.next_seq : null;
  }
  return verdictOf(pages);
}

export function AuditVerification() {
  const code = useAppCode();
  const [verdict, setVerdict] = useState<Verdict>();
  const check = useAction(verify, { onSuccess: setVerdict });
  const anchor = useAction(() => ask(supabase.rpc('audit_anchor')), {
    onSuccess: (seal) =>
      download(`audit-anchor-${code}.json`, 'application/json', [JSON.stringify(seal, null, 2)]),
  });
  return (
    <Block title="Verification">
      <Panel>
        <Stack>
          <Group justify="space-between">
            <Text size="sm" maw={560}>
              Seals link the rows of the log by hashes. Verify computes them again. Keep an{' '}
              <Code>anchor</Code> outside of the database to prove the log later.
            </Text>
            <Group gap="xs">
              <Button variant="default" loading={anchor.isRunning} onClick={() => anchor.run()}>
                Download the anchor
              </Button>
              <Button loading={check.isRunning} onClick={() => check.run()}>
                Verify
              </Button>
            </Group>
          </Group>
          {verdict && (
            <Alert
              role="status"
              color={verdict.isIntact ? 'green' : 'red'}
              variant="light"
              icon={
                verdict.isIntact ? (
                  <IconShieldCheck aria-hidden="true" />
                ) : (
                  <IconShieldX aria-hidden="true" />
                )
              }
            >
              <Text c="var(--mantine-color-text)">{verdict.text}</Text>
            </Alert>
          )}
        </Stack>
      </Panel>
    </Block>
  );
}
