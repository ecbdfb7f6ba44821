// The value of an expression below its field.
import { Text } from '@mantine/core';
import classes from '../editor.module.css';
import type { Question } from '../evaluate/messages.ts';
import { useLiveValue } from './use-live-value.ts';

const MAX_SHOWN = 600;

/** `hint`: shown while no run is chosen. */
export function LiveValue({ question, hint }: { question: Question | undefined; hint?: string }) {
  const reply = useLiveValue(question);
  if (question === undefined) {
    return hint ? (
      <Text size="xs" c="dimmed" mt={4}>
        {hint}
      </Text>
    ) : null;
  }
  if (reply === undefined) {
    return (
      <Text size="xs" c="dimmed" mt={4}>
        …
      </Text>
    );
  }
  if (!reply.ok) {
    return (
      <Text size="xs" c="var(--sb-danger)" mt={4} data-live="error">
        {reply.message}
      </Text>
    );
  }
  const text = reply.value === undefined ? 'selects nothing' : JSON.stringify(reply.value, null, 1);
  return (
    <pre className={classes.live} data-live="value" title="The value with the data of the run">
      {text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text}
    </pre>
  );
}
