// The page that the link of a mail about an approval opens: it shows what is asked, and decides at a click. The token in
// the link identifies the person, so no one has to sign in.
import { Alert, Anchor, Button, Text, Textarea, Title } from '@mantine/core';
import { useEffect, useState } from 'react';
import { explain } from '../shared/errors.ts';
import { setTitle } from '../shared/page-change.ts';
import { callApi } from '../shared/supabase.ts';
import { Card } from './Card.tsx';

interface Link {
  decision: 'approve' | 'reject';
  title: string | null;
  description: string | null;
  application: string;
  workflow: string;
  person: string;
  expires_at: string;
  deadline_at: string | null;
  approvals_required: number;
  approvals: number;
}

const when = (time: string): string => new Date(time).toLocaleString();

function Question({ link }: { link: Link }) {
  const until = link.deadline_at ?? link.expires_at;
  return (
    <>
      <Title order={1} size="h2">
        {link.title ?? 'Approval'}
      </Title>
      {link.description && <Text style={{ whiteSpace: 'pre-wrap' }}>{link.description}</Text>}
      <Text c="dimmed">
        {link.workflow}, {link.application}. For {link.person}, until {when(until)}.
      </Text>
      {link.approvals_required > 1 && (
        <Text c="dimmed">
          {link.approvals} of {link.approvals_required} approvals so far.
        </Text>
      )}
    </>
  );
}

export default function DecisionPage({ token }: { token: string }) {
  const [link, setLink] = useState<Link>();
  const [comment, setComment] = useState('');
  const [status, setStatus] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();

  useEffect(() => {
    setTitle('Approval');
    callApi<Link>('/task-links/read', { token }).then(setLink, (error: Error) =>
      setProblem(explain(error)),
    );
  }, [token]);

  async function decide(): Promise<void> {
    setBusy(true);
    setProblem(undefined);
    try {
      const body = comment.trim() === '' ? { token } : { token, comment };
      setStatus((await callApi<{ status: string }>('/task-links/decide', body)).status);
    } catch (error) {
      setProblem(explain(error as Error));
    }
    setBusy(false);
  }

  const approves = link?.decision === 'approve';
  return (
    <Card width={480}>
      {link ? (
        <Question link={link} />
      ) : (
        <Title order={1} size="h2">
          Approval
        </Title>
      )}
      {!link && !problem && <Text c="dimmed">Loading…</Text>}
      {problem && (
        <Alert color="red" role="alert">
          <Text c="var(--mantine-color-text)">{problem}</Text>
        </Alert>
      )}
      {status !== undefined ? (
        <Text role="status">
          You {approves ? 'approved' : 'rejected'} it.
          {status === 'waiting' && ' The workflow waits for further decisions.'}
        </Text>
      ) : (
        link && (
          <>
            <Textarea
              label="Comment"
              autosize
              value={comment}
              maxLength={10_000}
              onChange={(event) => setComment(event.currentTarget.value)}
            />
            <Button
              size="md"
              {...(approves ? {} : { color: 'red.8' })}
              disabled={isBusy}
              onClick={() => void decide()}
            >
              {approves ? 'Approve' : 'Reject'}
            </Button>
          </>
        )
      )}
      <Anchor href="#/">Go to your application</Anchor>
    </Card>
  );
}
