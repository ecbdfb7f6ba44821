// What the place of a page shows while its code is loaded, and when it cannot be loaded or drawn.
import { Button, Group, VisuallyHidden } from '@mantine/core';
import type { ErrorComponentProps } from '@tanstack/react-router';
import { useRouter } from '@tanstack/react-router';
import { ErrorState, LoadingState } from '../shared/states.tsx';

export function PagePending() {
  return (
    <>
      <VisuallyHidden component="h1">Loading</VisuallyHidden>
      <LoadingState />
    </>
  );
}

/** In the place of a page: what the shell reads first could not be read. */
export function AppError({ error, retry }: { error: unknown; retry: () => void }) {
  return (
    <>
      <VisuallyHidden component="h1">The application could not be read</VisuallyHidden>
      <ErrorState error={error} retry={retry} />
    </>
  );
}

/** After a deployment the files of the old build are gone. */
const isOldBuild = (error: unknown) =>
  /dynamically imported module|module script/i.test(String(error));

export function PageError({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  if (isOldBuild(error)) {
    return (
      <>
        <VisuallyHidden component="h1">This page could not be loaded</VisuallyHidden>
        <ErrorState
          error={new Error('This page could not be loaded. A new version may be there.')}
        />
        <Group mt="md">
          <Button onClick={() => location.reload()}>Load the new version</Button>
        </Group>
      </>
    );
  }
  return (
    <>
      <VisuallyHidden component="h1">This page has failed</VisuallyHidden>
      <ErrorState
        error={error}
        retry={() => {
          reset();
          void router.invalidate();
        }}
      />
    </>
  );
}
