// The actions of one version, behind three dots.
import { ActionIcon, Menu } from '@mantine/core';
import { IconDots } from '@tabler/icons-react';
import { useMay } from '../../shared/app.tsx';
import { useExport } from '../export.ts';
import type { ListedVersion } from './use-version-actions.ts';

interface Props {
  version: ListedVersion;
  workflow: string;
  isPublished: boolean;
  onRun(): void;
  onRestore(): void;
  onPublish(): void;
  onCanary(): void;
}

export function VersionMenu({ version, workflow, isPublished, ...on }: Props) {
  const mayWrite = useMay('workflow:write');
  const mayPublish = useMay('workflow:publish');
  const mayStart = useMay('run:execute');
  const download = useExport();
  const isDraft = version.status === 'draft';
  const canStart = version.status === 'published' || version.status === 'deprecated';
  const save = (format: 'json' | 'ts') =>
    download.run({ workflow, version: version.version, format });
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          c="var(--mantine-color-text)"
          size="lg"
          aria-label={`Actions for version ${version.version}`}
        >
          <IconDots size={18} aria-hidden="true" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {isDraft && mayPublish && <Menu.Item onClick={on.onPublish}>Publish</Menu.Item>}
        {canStart && mayStart && <Menu.Item onClick={on.onRun}>Start this version</Menu.Item>}
        {!isDraft && mayWrite && <Menu.Item onClick={on.onRestore}>Restore as draft</Menu.Item>}
        {!isPublished && mayPublish && (isDraft || version.status === 'published') && (
          <Menu.Item onClick={on.onCanary}>Try with a canary</Menu.Item>
        )}
        <Menu.Item onClick={() => save('json')}>Export as JSON</Menu.Item>
        <Menu.Item onClick={() => save('ts')}>Export as TypeScript</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
