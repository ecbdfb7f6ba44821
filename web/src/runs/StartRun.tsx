// The dialog that starts a run of any workflow.
import { StartDialog } from '../start/StartDialog.tsx';

export const StartRun = ({ onClose }: { onClose(): void }) => <StartDialog onClose={onClose} />;
