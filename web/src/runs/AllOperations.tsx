// The newest bulk operations in a drawer; Operations.tsx loads it when a person asks for them.
import { Stack } from '@mantine/core';
import { Drawer } from '../shared/dialogs.tsx';
import type { Operation } from './bulk.ts';
import OperationCard from './OperationCard.tsx';

interface Props {
  operations: readonly Operation[];
  isOpen: boolean;
  onClose(): void;
}

export default function AllOperations({ operations, isOpen, onClose }: Props) {
  return (
    <Drawer opened={isOpen} onClose={onClose} title="Bulk operations" position="right" size="lg">
      <Stack gap="xs">
        {operations.map((operation) => (
          <OperationCard key={operation.id} operation={operation} />
        ))}
      </Stack>
    </Drawer>
  );
}
