// Messages at the corner of the window. `notify.success('Saved.')`, `notify.info(…)`, and `notify.error(error)`, which
// takes any error and shows its text with its code. An error stays until the person closes it. The library is loaded with
// the first message; Messages.tsx shows them.
import type { NotificationData } from '@mantine/notifications';
import { describe } from './errors.ts';

const closeButtonProps = { 'aria-label': 'Close the message' };

let isWanted = false;
const listeners = new Set<() => void>();

/** Whether there has been a message; for Messages.tsx. */
export const messages = {
  isWanted: () => isWanted,
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

function show(data: NotificationData): void {
  isWanted = true;
  for (const listener of listeners) listener();
  // Its store keeps the message until the area is there.
  void import('@mantine/notifications').then(({ notifications }) => notifications.show(data));
}

export const notify = {
  success(message: string): void {
    show({ message, color: 'green', autoClose: 4_000, closeButtonProps });
  },
  info(message: string): void {
    show({ message, color: 'blue', autoClose: 6_000, closeButtonProps });
  },
  /** `texts`: messages by error code that fit better. */
  error(error: unknown, texts?: Readonly<Record<string, string>>): void {
    const { text, code } = describe(error, texts);
    show({
      // The same error again replaces its message.
      id: `${code ?? ''}:${text}`,
      title: text,
      message: code === undefined ? '' : `Code: ${code}`,
      color: 'red',
      autoClose: false,
      role: 'alert',
      closeButtonProps,
    });
  },
};
