// What an application without a published workflow shows instead of the start form: why, and the way to one.
import { Button } from '@mantine/core';
import { useHref } from '../shared/address.tsx';
import { useMay } from '../shared/app.tsx';
import { EmptyState } from '../shared/states.tsx';

export function NoWorkflows() {
  const href = useHref();
  const mayWrite = useMay('workflow:write');
  return (
    <EmptyState
      title="No workflow can be started yet"
      action={
        mayWrite ? (
          <Button component="a" href={href('/new-workflow')}>
            New workflow
          </Button>
        ) : undefined
      }
    >
      {mayWrite
        ? 'Create a workflow, or publish the draft of one; then start it here.'
        : 'A member with the permission workflow:publish publishes a workflow first.'}
    </EmptyState>
  );
}
