// The draft as JSON text, in both directions: what is valid is applied while it is written.
import { Text } from '@mantine/core';
import { useState } from 'react';
import { JsonEditor, parseJson } from '../../shared/code/editors.tsx';
import { useEditor } from '../editor-context.tsx';
import type { Draft } from '../model/definition.ts';
import { draftIn } from '../model/text.ts';

const textOf = ({ definition, inputSchema, outputSchema }: Draft) =>
  JSON.stringify({ definition, input_schema: inputSchema, output_schema: outputSchema }, null, 2);

export default function DraftJson() {
  const { doc, mayWrite } = useEditor();
  const [applied, setApplied] = useState(doc.draft);
  const [text, setText] = useState(() => textOf(doc.draft));
  const [fault, setFault] = useState<string>();
  // Undo, and the saves of others.
  if (doc.draft !== applied) {
    setApplied(doc.draft);
    setText(textOf(doc.draft));
    setFault(undefined);
  }

  function change(next: string): void {
    setText(next);
    try {
      const draft = draftIn(parseJson(next), doc.draft);
      if (typeof draft === 'string') {
        setFault(draft);
        return;
      }
      setFault(undefined);
      doc.change((known) => {
        const same = JSON.stringify(known) === JSON.stringify(draft);
        if (!same) setApplied(draft);
        return same ? known : draft;
      }, 'json');
    } catch (error) {
      setFault(`Not valid JSON: ${(error as Error).message}`);
    }
  }

  return (
    <div style={{ padding: 12 }}>
      <JsonEditor
        label="Draft as JSON"
        isLabelHidden
        value={text}
        onChange={change}
        isReadOnly={!mayWrite}
        error={fault}
        minHeight={400}
        maxHeight={640}
      />
      <Text size="xs" c="dimmed" mt={6}>
        What is valid is applied and saved while you write.
      </Text>
    </div>
  );
}
