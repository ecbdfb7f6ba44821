// Where the messages of notify.ts are shown; once in the shell.
import '@mantine/notifications/styles.css';
import { lazy, Suspense, useSyncExternalStore } from 'react';
import { messages } from './notify.ts';

const Area = lazy(() =>
  import('@mantine/notifications').then(({ Notifications }) => ({ default: Notifications })),
);

export function Messages() {
  const isWanted = useSyncExternalStore(messages.subscribe, messages.isWanted);
  if (!isWanted) return null;
  return (
    <Suspense fallback={null}>
      <Area position="bottom-right" />
    </Suspense>
  );
}
