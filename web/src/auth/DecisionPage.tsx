// The page that the link of a mail about an approval opens: it shows what is asked, and decides at one tap. The token in
// the link identifies the person, so no one has to sign in. Afterwards it says what happens next.
import {
  Alert,
  Anchor,
  Button,
  Divider,
  Group,
  Skeleton,
  Stack,
  Text,
  Textarea,
  Title,
} from '@mantine/core';
import { IconCircleCheck, IconCircleX } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { describe } from '../shared/errors.ts';
import { relativeTime } from '../shared/format.ts';
import { setTitle } from '../shared/page-change.ts';
import { callApi } from '../shared/supabase.ts';
import { Description } from '../tasks/Description.tsx';
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

const when = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

function Question({ link }: { link: Link }) {
  const until = link.deadline_at ?? link.expires_at;
  return (
    <Stack gap="sm">
      <div>
        <Text size="sm" c="dimmed">
          {link.workflow}, {link.application}
        </Text>
        <Title order={1} size="h2">
          {link.title ?? 'Approval'}
        </Title>
      </div>
      <Description text={link.description ?? undefined} />
      <Text size="sm" c="dimmed">
        For {link.person}, until {when.format(new Date(until))} ({relativeTime(until, Date.now())}).
      </Text>
      {link.approvals_required > 1 && (
        <Text size="sm" c="dimmed">
          {link.approvals} of {link.approvals_required} approvals so far.
        </Text>
      )}
    </Stack>
  );
}

/** What was decided, and what happens next. */
function Result({ isApproved, isWaiting }: { isApproved: boolean; isWaiting: boolean }) {
  const text = useRef<HTMLDivElement>(null);
  useEffect(() => text.current?.focus(), []);
  const Icon = isApproved ? IconCircleCheck : IconCircleX;
  return (
    <Group gap="sm" wrap="nowrap" align="flex-start" role="status" ref={text} tabIndex={-1}>
      <Icon
        size={28}
        aria-hidden="true"
        color={isApproved ? 'var(--sb-done)' : 'var(--sb-danger)'}
        style={{ flex: 'none' }}
      />
      <Stack gap={2}>
        <Text fw={600}>You {isApproved ? 'approved' : 'rejected'} it.</Text>
        <Text c="dimmed">
          {isWaiting
            ? 'The workflow waits for further decisions.'
            : 'The workflow continues now. You can close this page.'}
        </Text>
      </Stack>
    </Group>
  );
}

export default function DecisionPage({ token }: { token: string }) {
  const [link, setLink] = useState<Link>();
  const [comment, setComment] = useState('');
  const [status, setStatus] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();

  useEffect(() => {
    setTitle('Approval');
    callApi<Link>('/task-links/read', { token }).then((read) => {
      setLink(read);
      setTitle(read.title ?? 'Approval');
    }, setProblem);
  }, [token]);

  async function decide(): Promise<void> {
    setBusy(true);
    setProblem(undefined);
    try {
      const body = comment.trim() === '' ? { token } : { token, comment: comment.trim() };
      setStatus((await callApi<{ status: string }>('/task-links/decide', body)).status);
    } catch (error) {
      setProblem(error);
    }
    setBusy(false);
  }

  const isApproval = link?.decision === 'approve';
  const described = problem === undefined ? undefined : describe(problem);
  return (
    <Card width={520}>
      {link ? (
        <Question link={link} />
      ) : (
        <Title order={1} size="h2">
          Approval
        </Title>
      )}
      {!link && !described && <Skeleton height={160} role="status" aria-label="Loading" />}
      {described && (
        <Alert color="red" role="alert">
          <Text c="var(--mantine-color-text)">{described.text}</Text>
          {described.code && (
            <Text size="sm" c="dimmed">
              Code: {described.code}
            </Text>
          )}
        </Alert>
      )}
      {status !== undefined && <Result isApproved={isApproval} isWaiting={status === 'waiting'} />}
      {link && status === undefined && (
        <Stack gap="sm">
          <Button
            size="lg"
            fullWidth
            {...(isApproval ? {} : { color: 'red.8' })}
            loading={isBusy}
            onClick={() => void decide()}
          >
            {isApproval ? 'Approve' : 'Reject'}
          </Button>
          <Textarea
            label={isApproval ? 'Comment (optional)' : 'Comment (optional): why'}
            autosize
            minRows={2}
            maxRows={10}
            value={comment}
            maxLength={10_000}
            onChange={(event) => setComment(event.currentTarget.value)}
          />
          <Text size="sm" c="dimmed">
            Opening this page has decided nothing. Only you should use this link.
          </Text>
        </Stack>
      )}
      <Divider />
      <Anchor href="#/">{status === undefined ? 'Sign in to see the run' : 'Open Stepbase'}</Anchor>
    </Card>
  );
}
