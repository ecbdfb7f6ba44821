// The first steps in a new application. Each is done when the application has what it makes; the list goes when all are
// done or a person hides it.
import { Button, Group, Paper, Progress, Text, ThemeIcon, Title } from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';
import { IconCheck } from '@tabler/icons-react';
import { useId } from 'react';
import { AppLink } from '../shared/address.tsx';
import { useApp } from '../shared/app.tsx';
import { useAppQuery } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';
import classes from './Attention.module.css';

interface Step {
  id: string;
  text: string;
  to: string;
  permission: string;
}

const STEPS: readonly Step[] = [
  { id: 'workflow', text: 'Create a workflow', to: '/new-workflow', permission: 'workflow:write' },
  { id: 'run', text: 'Start a run', to: '/start', permission: 'run:execute' },
  { id: 'task', text: 'Answer an approval or a form', to: '/tasks', permission: 'task:complete' },
  {
    id: 'member',
    text: 'Invite a colleague',
    to: '/settings/members',
    permission: 'member:manage',
  },
  {
    id: 'key',
    text: 'Create an API key for a program',
    to: '/settings/keys',
    permission: 'key:manage',
  },
];

async function exists(
  query: PromiseLike<{ data: unknown[] | null; error: unknown }>,
): Promise<boolean> {
  const { data, error } = await query;
  if (error) throw error;
  return (data?.length ?? 0) > 0;
}

/** Whether the application has one, by step. */
function useDone(app: string, permissions: ReadonlySet<string>, isShown: boolean) {
  return useAppQuery(
    ['checklist'],
    async (signal) => {
      const checks: Record<string, () => Promise<boolean>> = {
        workflow: () =>
          exists(
            supabase
              .from('workflows')
              .select('id')
              .is('deleted_at', null)
              .limit(1)
              .abortSignal(signal),
          ),
        run: () => exists(supabase.from('runs').select('id').limit(1).abortSignal(signal)),
        task: () =>
          exists(
            supabase
              .from('step_runs')
              .select('id')
              .not('completed_by', 'is', null)
              .limit(1)
              .abortSignal(signal),
          ),
        member: async () =>
          !permissions.has('member:read') ||
          (await supabase
            .from('app_members')
            .select('user_id', { count: 'exact', head: true })
            .eq('app_code', app)
            .abortSignal(signal)
            .then(({ count, error }) => {
              if (error) throw error;
              return (count ?? 0) > 1;
            })),
        key: async () =>
          !permissions.has('key:read') ||
          exists(supabase.from('api_keys').select('id').limit(1).abortSignal(signal)),
      };
      const done = await Promise.all(
        STEPS.map(async ({ id }) => [id, (await checks[id]?.()) ?? true] as const),
      );
      return Object.fromEntries(done);
    },
    { enabled: isShown, staleTime: 30_000 },
  );
}

export function Checklist() {
  const id = useId();
  const { code, permissions } = useApp();
  const [isHidden, setHidden] = useLocalStorage({
    key: `stepbase.checklist-hidden.${code}`,
    defaultValue: false,
    getInitialValueInEffect: false,
  });
  const { data } = useDone(code, permissions, !isHidden);
  const steps = STEPS.filter(({ permission }) => permissions.has(permission));
  const finished = steps.filter((step) => data?.[step.id]).length;
  // While it is read, nothing is shown: most applications have done all of it.
  if (isHidden || data === undefined || finished === steps.length) return null;
  return (
    <Paper
      component="section"
      bg="var(--sb-surface)"
      withBorder
      p="md"
      radius="md"
      mb="lg"
      aria-labelledby={id}
    >
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h5" id={id}>
          First steps
        </Title>
        <Group gap="sm">
          <Text size="sm" c="dimmed">
            {finished} of {steps.length} done
          </Text>
          <Button variant="default" size="compact-sm" onClick={() => setHidden(true)}>
            Hide
          </Button>
        </Group>
      </Group>
      <Progress value={(100 * finished) / steps.length} aria-label="First steps done" mb="xs" />
      <ul className={classes.list}>
        {steps.map((step) => {
          const isDone = data[step.id] ?? false;
          return (
            <li key={step.id} data-done={isDone}>
              {isDone ? (
                <Text span size="sm" c="dimmed" td="line-through">
                  {step.text}
                </Text>
              ) : (
                <AppLink size="sm" to={step.to}>
                  {step.text}
                </AppLink>
              )}
              {isDone ? (
                <ThemeIcon size="xs" radius="xl" color="green" aria-label="Done" role="img">
                  <IconCheck
                    size={11}
                    stroke={3}
                    color="var(--mantine-color-white)"
                    aria-hidden="true"
                  />
                </ThemeIcon>
              ) : (
                <span>Open</span>
              )}
            </li>
          );
        })}
      </ul>
    </Paper>
  );
}
