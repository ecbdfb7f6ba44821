// The palette as a dialog: searched and chosen by keys.
import { Modal } from '../../shared/dialogs.tsx';
import { Palette } from '../canvas/Palette.tsx';
import { useEditor } from '../editor-context.tsx';
import { labelOf, stepOf } from '../model/definition.ts';

interface Props {
  /** The step that the new one follows. */
  after: string | undefined;
  onChoose(type: string): void;
  onClose(): void;
}

export function AddStep({ after, onChoose, onClose }: Props) {
  const { doc } = useEditor();
  const before = stepOf(doc.draft, after);
  return (
    <Modal
      opened
      onClose={onClose}
      title={before ? `Add a step after ${labelOf(before)}` : 'Add a step'}
      size="sm"
    >
      <Palette isDialog onChoose={({ name }) => onChoose(name)} />
    </Modal>
  );
}
