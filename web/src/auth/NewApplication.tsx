// Creates an organization with its first application, and lists the invitations that wait in the user's mailbox. It is
// the first page of a user without an application.
import { Alert, Button, Container, Paper, Stack, Text, TextInput } from '@mantine/core';
import { type FormEvent, useEffect, useState } from 'react';
import { explain } from '../shared/errors.ts';
import { PageHeader } from '../shared/PageHeader.tsx';
import { supabase } from '../shared/supabase.ts';

interface Invitation {
  id: string;
  application: string;
}

/** A proposal for the code: lower-case letters, digits and single hyphens between them. */
export function codeFrom(name: string): string {
  return name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 63)
    .replace(/-$/, '');
}

interface Props {
  hasApplications: boolean;
  onCreated(appCode: string): void;
}

export function NewApplication({ hasApplications, onCreated }: Props) {
  const [invitations, setInvitations] = useState<Invitation[]>([]);
  const [name, setName] = useState('');
  const [code, setCode] = useState<string>();
  /** Kept when the application is refused, so that the next attempt does not create a second organization. */
  const [organizationId, setOrganizationId] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const appCode = code ?? codeFrom(name);

  useEffect(() => {
    void supabase.rpc('my_invitations').then(({ data }) => {
      setInvitations((data ?? []) as unknown as Invitation[]);
    });
  }, []);

  async function organization(): Promise<string> {
    if (organizationId !== undefined) return organizationId;
    const { data, error } = await supabase.rpc('create_organization', { slug: appCode, name });
    if (error) throw error;
    setOrganizationId(data.id);
    return data.id;
  }

  async function create(): Promise<void> {
    const organization_id = await organization();
    const { error } = await supabase.rpc('create_application', {
      app_code: appCode,
      name,
      organization_id,
    });
    if (error) throw error;
    await supabase.auth.refreshSession();
    onCreated(appCode);
  }

  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      await create();
    } catch (error) {
      // The organization gets the same code: the page has one field for both.
      setProblem(
        explain(error as Error, { conflict: `The code ${appCode} is taken; choose another.` }),
      );
      setBusy(false);
    }
  }

  return (
    <Container size={520} p={0}>
      <PageHeader title="Create your application" help="guides/organizations-and-members" />
      {invitations.map((invitation) => (
        <Alert key={invitation.id} color="blue" role="status" mb="md">
          <Text c="var(--mantine-color-text)">
            You are invited to <strong>{invitation.application}</strong>. Open the link in the mail
            to accept.
          </Text>
        </Alert>
      ))}
      <Paper withBorder shadow="sm" p="lg" bg="var(--sb-surface)">
        <form onSubmit={(event) => void submit(event)}>
          <Stack>
            <Text c="dimmed">
              {hasApplications
                ? 'A new organization with an application of its own, for your team.'
                : 'You are not a member of an application yet. Create one for your team, or ask the admin of an existing one for an invitation.'}
            </Text>
            <TextInput
              label="Name"
              value={name}
              maxLength={200}
              onChange={(event) => setName(event.currentTarget.value)}
              required
              withAsterisk={false}
            />
            <TextInput
              label="Code"
              description="Lower-case letters, digits and hyphens. It cannot be changed."
              value={appCode}
              maxLength={63}
              onChange={(event) => setCode(event.currentTarget.value)}
              required
              withAsterisk={false}
            />
            {problem && (
              <Alert color="red" role="alert">
                <Text c="var(--mantine-color-text)">{problem}</Text>
              </Alert>
            )}
            <Button type="submit" loading={isBusy}>
              Create application
            </Button>
          </Stack>
        </form>
      </Paper>
    </Container>
  );
}
