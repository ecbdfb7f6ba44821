// Asks before an action that cannot be undone. `const answer = await confirm({ title: 'Cancel the run?', action: 'Cancel
// run', isDangerous: true, reason: 'optional' })` is undefined if the person changes their mind, else `{ reason }`.
import { Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { modals } from '@mantine/modals';
import { type FormEvent, type ReactNode, useState } from 'react';

export interface Question {
  title: string;
  /** What will happen, in a sentence or as elements. */
  text?: ReactNode;
  /** The verb of the button, such as "Cancel run". */
  action: string;
  isDangerous?: boolean;
  /** Whether to ask for a reason, for the RPCs that record one. */
  reason?: 'optional' | 'required';
  /** A word that the person has to type, for actions that delete data. */
  typed?: string;
}

export interface Answer {
  /** Empty if none was given. */
  reason: string;
}

function Body({ question, onAnswer }: { question: Question; onAnswer(answer?: Answer): void }) {
  const { text, action, isDangerous = false, reason, typed } = question;
  const [given, setGiven] = useState('');
  const [word, setWord] = useState('');
  const isReady =
    (typed === undefined || word === typed) && (reason !== 'required' || given.trim());

  function submit(event: FormEvent): void {
    event.preventDefault();
    if (isReady) onAnswer({ reason: given.trim() });
  }

  return (
    <form onSubmit={submit}>
      <Stack>
        {typeof text === 'string' ? <Text>{text}</Text> : text}
        {reason && (
          <Textarea
            label={reason === 'required' ? 'Reason' : 'Reason (optional)'}
            value={given}
            maxLength={1_000}
            autosize
            minRows={2}
            data-autofocus
            onChange={(event) => setGiven(event.currentTarget.value)}
          />
        )}
        {typed !== undefined && (
          <Textarea
            label={`Type ${typed} to confirm`}
            value={word}
            rows={1}
            onChange={(event) => setWord(event.currentTarget.value)}
          />
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={() => onAnswer()}>
            Keep as it is
          </Button>
          <Button type="submit" disabled={!isReady} {...(isDangerous ? { color: 'red.8' } : {})}>
            {action}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

export function confirm(question: Question): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    let answered: Answer | undefined;
    const id = modals.open({
      title: question.title,
      onClose: () => resolve(answered),
      children: (
        <Body
          question={question}
          onAnswer={(answer) => {
            answered = answer;
            modals.close(id);
          }}
        />
      ),
    });
  });
}
