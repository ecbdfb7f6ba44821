// Writes a prompt or a new version of one. Members without prompt:write read the text.
import { Button, Group, Modal, Stack, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useMay } from '../shared/app.tsx';
import { CodeEditor, JsonEditor, parseJson } from '../shared/code/editors.tsx';
import { ask, useAction } from '../shared/query.ts';
import { ErrorState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { nextVersion } from './versions.ts';

interface Props {
  prompt: Row<'agent_prompts'> | undefined;
  onClose(): void;
}

export function PromptForm({ prompt, onClose }: Props) {
  const mayWrite = useMay('prompt:write');
  const [name, setName] = useState(prompt?.name ?? '');
  const [version, setVersion] = useState(prompt ? nextVersion(prompt.version) : '1.0.0');
  const [description, setDescription] = useState(prompt?.description ?? '');
  const [content, setContent] = useState(prompt?.prompt_content ?? '');
  const [variables, setVariables] = useState(
    JSON.stringify(prompt?.prompt_variables ?? {}, null, 2),
  );
  const save = useAction(
    async () => {
      const row = { name, version, description, prompt_content: content };
      const prompt_variables = parseJson(variables);
      await ask(
        supabase
          .from('agent_prompts')
          .insert({ ...row, prompt_variables: prompt_variables as never })
          .select('id')
          .single(),
      );
    },
    {
      success: `${name} has the version ${version}.`,
      changes: [['agent_prompts'], ['audit_log']],
      onSuccess: onClose,
      isQuiet: true,
    },
  );
  function submit(event: FormEvent): void {
    event.preventDefault();
    save.run();
  }
  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title={prompt ? `${prompt.name} ${prompt.version}` : 'New prompt'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form onSubmit={submit}>
        <Stack>
          {!prompt && (
            <TextInput
              label="Name"
              required
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
          )}
          <CodeEditor
            label="Text"
            language="text"
            value={content}
            isReadOnly={!mayWrite}
            description="Markdown. Values of the input of the step replace {{ … }}."
            onChange={setContent}
          />
          <JsonEditor
            label="Variables"
            value={variables}
            isReadOnly={!mayWrite}
            description="JSON Schema properties of the values that the prompt needs."
            onChange={setVariables}
          />
          {mayWrite && (
            <>
              <TextInput
                label="Description"
                value={description}
                onChange={(event) => setDescription(event.currentTarget.value)}
              />
              <TextInput
                label="New version"
                required
                value={version}
                onChange={(event) => setVersion(event.currentTarget.value)}
              />
            </>
          )}
          {save.error && <ErrorState error={save.error} />}
          {mayWrite && (
            <Group justify="flex-end">
              <Button type="submit" loading={save.isRunning}>
                Save as a new version
              </Button>
            </Group>
          )}
        </Stack>
      </form>
    </Modal>
  );
}
