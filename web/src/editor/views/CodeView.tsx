// The draft as TypeScript: the code of defineWorkflow that compiles to it. Loaded on demand.
import { Anchor, Button, CopyButton, Group, Text } from '@mantine/core';
import { useMemo } from 'react';
import { decompile } from '../../../../sdk/src/workflow/decompile/decompile.ts';
import { CodeEditor } from '../../shared/code/editors.tsx';
import { docsUrl } from '../../shared/docs.ts';
import { useEditor } from '../editor-context.tsx';

export default function CodeView() {
  const { doc, workflow } = useEditor();
  const { definition, inputSchema, outputSchema } = doc.draft;
  const code = useMemo(() => {
    try {
      const source = decompile({
        kebab_name: workflow.kebab_name,
        name: workflow.name,
        description: workflow.description,
        definition,
        input_schema: inputSchema,
        output_schema: outputSchema,
      });
      return { source };
    } catch (error) {
      return { fault: (error as Error).message };
    }
  }, [definition, inputSchema, outputSchema, workflow]);
  return (
    <div style={{ padding: 12 }}>
      <Group justify="space-between" mb="xs">
        <Text size="sm" c="dimmed">
          The same workflow with the SDK.{' '}
          <Anchor
            size="sm"
            href={docsUrl('guides/workflows-in-code')}
            target="_blank"
            rel="noreferrer"
            underline="always"
          >
            Push changes of the file
          </Anchor>{' '}
          with <code>stepbase push</code>.
        </Text>
        {code.source !== undefined && (
          <CopyButton value={code.source}>
            {({ copied, copy }) => (
              <Button size="xs" variant="default" onClick={copy}>
                {copied ? 'Copied' : 'Copy'}
              </Button>
            )}
          </CopyButton>
        )}
      </Group>
      {code.source === undefined ? (
        <Text size="sm" role="alert">
          No code compiles to this draft yet: {code.fault}
        </Text>
      ) : (
        <CodeEditor
          language="javascript"
          label="Draft as TypeScript"
          isLabelHidden
          value={code.source}
          isReadOnly
          minHeight={400}
          maxHeight={640}
        />
      )}
    </div>
  );
}
