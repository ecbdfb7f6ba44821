// The options of a start that few runs need, folded away until a person asks for them.
import {
  Button,
  Collapse,
  NumberInput,
  Select,
  SimpleGrid,
  TagsInput,
  TextInput,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { useId } from 'react';
import { argumentsOf, type StartOptions } from './options.ts';

interface Props {
  options: StartOptions;
  onChange(options: StartOptions): void;
  /** The numbers of the versions that can be started, newest first. */
  versions: readonly number[];
  published: number | undefined;
}

export function MoreOptions({ options, onChange, versions, published }: Props) {
  const [isOpen, { toggle }] = useDisclosure();
  const id = useId();
  const set = (change: Partial<StartOptions>) => onChange({ ...options, ...change });
  const used = Object.keys(argumentsOf(options)).length;
  return (
    <div>
      <Button
        variant="subtle"
        size="compact-sm"
        color="gray"
        c="var(--mantine-color-text)"
        onClick={toggle}
        aria-expanded={isOpen}
        aria-controls={id}
        leftSection={
          isOpen ? (
            <IconChevronDown size={15} aria-hidden="true" />
          ) : (
            <IconChevronRight size={15} aria-hidden="true" />
          )
        }
      >
        More{used > 0 ? ` (${used} set)` : ''}
      </Button>
      <Collapse expanded={isOpen} id={id}>
        <SimpleGrid cols={{ base: 1, sm: 2 }} pt="xs">
          <Select
            label="Version"
            description="An older version runs as it was published."
            data={versions.map((version) => ({
              value: String(version),
              label:
                version === published ? `Version ${version} (published)` : `Version ${version}`,
            }))}
            value={options.version === null ? null : String(options.version)}
            placeholder={published === undefined ? '' : `Version ${published} (published)`}
            onChange={(value) => set({ version: value === null ? null : Number(value) })}
            clearable
          />
          <NumberInput
            label="Priority"
            description="-100 to 100; higher starts first."
            min={-100}
            max={100}
            allowDecimal={false}
            placeholder="As the workflow decides"
            value={options.priority ?? ''}
            onChange={(value) => set({ priority: typeof value === 'number' ? value : null })}
          />
          <TextInput
            label="Idempotency key"
            description="The same key starts one run only."
            maxLength={255}
            value={options.idempotencyKey}
            onChange={(event) => set({ idempotencyKey: event.currentTarget.value })}
          />
          <TextInput
            type="datetime-local"
            label="Start at"
            description="In your time zone; empty starts at once."
            value={options.startAt}
            onChange={(event) => set({ startAt: event.currentTarget.value })}
          />
          <TagsInput
            label="Tags"
            description="To find the run again. Press Enter after each."
            maxTags={16}
            value={options.tags}
            onChange={(tags) => set({ tags })}
          />
        </SimpleGrid>
      </Collapse>
    </div>
  );
}
