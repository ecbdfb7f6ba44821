// The start as code: what a program writes to do the same as this form.
import {
  ActionIcon,
  CopyButton,
  Group,
  SegmentedControl,
  Stack,
  Text,
  Tooltip,
} from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useState } from 'react';
import { AppLink } from '../shared/address.tsx';
import { CodeEditor } from '../shared/code/editors.tsx';
import { httpApiUrl } from '../shared/supabase.ts';
import { codeOf, LANGUAGES, type Language, type Start } from './code.ts';

export default function AsCode(start: Omit<Start, 'api'>) {
  const [language, setLanguage] = useState<Language>('sdk');
  const code = codeOf(language, { ...start, api: httpApiUrl });
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <SegmentedControl
          size="xs"
          aria-label="Language"
          value={language}
          onChange={(value) => setLanguage(value as Language)}
          data={LANGUAGES.map(({ value, label }) => ({ value, label }))}
        />
        <CopyButton value={code}>
          {({ copied, copy }) => (
            <Tooltip label={copied ? 'Copied' : 'Copy'}>
              <ActionIcon
                variant="default"
                onClick={copy}
                aria-label={copied ? 'Copied' : 'Copy the code'}
              >
                {copied ? (
                  <IconCheck size={16} aria-hidden="true" />
                ) : (
                  <IconCopy size={16} aria-hidden="true" />
                )}
              </ActionIcon>
            </Tooltip>
          )}
        </CopyButton>
      </Group>
      <CodeEditor
        key={language}
        label="Code"
        isLabelHidden
        isReadOnly
        language={language === 'curl' ? 'text' : 'javascript'}
        value={code}
        onChange={() => undefined}
        minHeight={120}
        maxHeight={320}
      />
      <Text size="sm" c="dimmed">
        {language === 'curl' ? (
          <>
            STEPBASE_KEY is an <AppLink to="/settings/keys">API key</AppLink> with run:execute.
          </>
        ) : (
          'The signed-in user needs a role with run:execute.'
        )}
      </Text>
    </Stack>
  );
}
