// A version of a prompt: its text and variables, a try-out beside them, and its other versions. What is written is tried
// before it is saved; saving it makes a new version.
import { Badge, Button, Group, SimpleGrid, Stack } from '@mantine/core';
import { useState } from 'react';
import { AppLink } from '../../shared/address.tsx';
import { useMay } from '../../shared/app.tsx';
import { parseJson } from '../../shared/code/editors.tsx';
import { ask, useAction } from '../../shared/query.ts';
import { supabase } from '../../shared/supabase.ts';
import { Block } from '../parts.tsx';
import { useMayTest } from '../testing/use-test-run.ts';
import { nextVersion } from '../versions.ts';
import { PromptForm } from './PromptForm.tsx';
import { PromptVersions } from './PromptVersions.tsx';
import { TryOut } from './TryOut.tsx';
import { PROMPT_CHANGES, type Prompt } from './use-prompts.ts';

export interface PromptDraft {
  name: string;
  version: string;
  description: string;
  text: string;
  /** JSON of the variables. */
  variables: string;
  visibility: string;
}

const EMPTY: PromptDraft = {
  name: '',
  version: '1.0.0',
  description: '',
  text: '',
  variables: '{}',
  visibility: 'private',
};

interface Props {
  /** Undefined: a new one. */
  prompt: Prompt | undefined;
  versions: readonly Prompt[];
  onOpen(id: string | undefined): void;
}

const draftOf = (prompt: Prompt, newest: Prompt): PromptDraft => ({
  name: prompt.name,
  version: nextVersion(newest.version),
  description: prompt.description,
  text: prompt.prompt_content,
  variables: JSON.stringify(prompt.prompt_variables, null, 2),
  visibility: prompt.visibility,
});

/** Undefined while the JSON is being written. */
function read(variables: string): unknown {
  try {
    return parseJson(variables);
  } catch {
    return undefined;
  }
}

export function PromptView({ prompt, versions, onOpen }: Props) {
  const mayWrite = useMay('prompt:write');
  const mayTest = useMayTest();
  const [draft, setDraft] = useState(() =>
    prompt ? draftOf(prompt, versions[0] ?? prompt) : EMPTY,
  );
  const change = useAction(
    (values: Partial<Prompt>) =>
      ask(
        supabase
          .from('agent_prompts')
          .update(values as never)
          .eq('id', prompt?.id ?? '')
          .select('id')
          .single(),
      ),
    { success: 'The prompt is saved.', changes: PROMPT_CHANGES },
  );
  const title = prompt ? `${prompt.name} ${prompt.version}` : 'New prompt';
  const recommended = Array.isArray(prompt?.recommended_models)
    ? prompt.recommended_models.map(String)
    : [];
  return (
    <Stack gap="md">
      <AppLink to="/settings/prompts" size="sm">
        ← All prompts
      </AppLink>
      <Block
        title={title}
        text={
          prompt?.deprecated && (
            <Group gap="xs">
              <Badge variant="default">Deprecated</Badge>
            </Group>
          )
        }
        actions={
          prompt &&
          mayWrite && (
            <Button
              variant="default"
              loading={change.isRunning}
              onClick={() => change.run({ deprecated: !prompt.deprecated })}
            >
              {prompt.deprecated ? 'Stop deprecating' : 'Deprecate'}
            </Button>
          )
        }
      >
        <SimpleGrid cols={{ base: 1, lg: mayTest ? 2 : 1 }} spacing="xl">
          <PromptForm prompt={prompt} draft={draft} onChange={setDraft} onCreated={onOpen} />
          {mayTest && (
            <TryOut
              name={draft.name}
              text={draft.text}
              variables={read(draft.variables)}
              recommended={recommended}
            />
          )}
        </SimpleGrid>
      </Block>
      {prompt && <PromptVersions versions={versions} current={prompt} />}
    </Stack>
  );
}
