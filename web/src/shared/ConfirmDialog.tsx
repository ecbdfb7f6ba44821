// The dialog of confirm().
import { Button, Group, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import type { Answer, Question } from './confirm.tsx';
import { Modal } from './dialogs.tsx';

interface Props {
  question: Question;
  onAnswer(answer?: Answer): void;
}

function Questions({ question, onAnswer }: Props) {
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
          <TextInput
            label={`Type ${typed} to confirm`}
            value={word}
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

export default function ConfirmDialog({ question, onAnswer }: Props) {
  return (
    <Modal opened onClose={() => onAnswer()} title={question.title}>
      <Questions question={question} onAnswer={onAnswer} />
    </Modal>
  );
}
