// Messages at the corner of the window. `notify.success('Saved.')`, `notify.info(…)`, and `notify.error(error)`, which
// takes any error and shows its text with its code. An error stays until the person closes it.
import { notifications } from '@mantine/notifications';
import { describe } from './errors.ts';

const closeButtonProps = { 'aria-label': 'Close the message' };

export const notify = {
  success(message: string): void {
    notifications.show({ message, color: 'green', autoClose: 4_000, closeButtonProps });
  },
  info(message: string): void {
    notifications.show({ message, color: 'blue', autoClose: 6_000, closeButtonProps });
  },
  /** `texts`: messages by error code that fit better. */
  error(error: unknown, texts?: Readonly<Record<string, string>>): void {
    const { text, code } = describe(error, texts);
    notifications.show({
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
