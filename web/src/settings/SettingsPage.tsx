// The settings of the application: the list of the sections beside the section that the address names. A section that
// the role of the user does not allow says so.
import { NativeSelect, NavLink, Stack, Text } from '@mantine/core';
import { IconExternalLink } from '@tabler/icons-react';
import { Suspense } from 'react';
import { useGo, useHref, usePathParam } from '../shared/address.tsx';
import { useApp } from '../shared/app.tsx';
import { useCommands } from '../shared/commands.ts';
import { PageHeader } from '../shared/PageHeader.tsx';
import { EmptyState, LoadingState } from '../shared/states.tsx';
import classes from './SettingsPage.module.css';
import { SECTIONS } from './sections.ts';
import { ShownOnce } from './shown-once.tsx';

const GROUPS = [...new Set(SECTIONS.map(({ group }) => group))];

function SectionList({ current }: { current: string }) {
  const href = useHref();
  const go = useGo();
  return (
    <nav className={classes.nav} aria-label="Settings">
      <NativeSelect
        hiddenFrom="md"
        aria-label="Section of the settings"
        value={current}
        data={GROUPS.map((group) => ({
          group,
          items: SECTIONS.filter((each) => each.group === group).map(({ id, label }) => ({
            value: id,
            label,
          })),
        }))}
        onChange={(event) => go(`/settings/${event.currentTarget.value}`)}
      />
      <Stack gap="md" visibleFrom="md">
        {GROUPS.map((group) => (
          <div key={group}>
            <Text size="xs" fw={600} c="dimmed" px="sm" mb={4}>
              {group}
            </Text>
            {SECTIONS.filter((each) => each.group === group).map(({ id, label }) => (
              <NavLink
                key={id}
                href={href(`/settings/${id}`)}
                label={label}
                active={id === current}
                {...(id === current ? { 'aria-current': 'page' as const } : {})}
                py={6}
              />
            ))}
          </div>
        ))}
        <NavLink
          href={href('/api')}
          label="HTTP API"
          py={6}
          rightSection={<IconExternalLink size={14} aria-hidden="true" />}
        />
      </Stack>
    </nav>
  );
}

export default function SettingsPage() {
  const name = usePathParam('section') || 'application';
  const { permissions, role } = useApp();
  const go = useGo();
  const section = SECTIONS.find(({ id }) => id === name);
  useCommands(
    SECTIONS.map(({ id, label }) => ({
      id: `settings-${id}`,
      label: `Settings: ${label}`,
      run: () => go(`/settings/${id}`),
    })),
    [go],
  );

  const isAllowed =
    section !== undefined && (!section.permission || permissions.has(section.permission));
  return (
    <>
      <PageHeader
        title={section ? section.label : 'Settings'}
        help={section?.help ?? 'guides/organizations-and-members'}
      >
        {section?.text}
      </PageHeader>
      <div className={classes.layout}>
        <SectionList current={name} />
        <Stack gap="xl">
          {section === undefined && (
            <EmptyState title="There is no such section">
              Choose a section of the settings.
            </EmptyState>
          )}
          {section && !isAllowed && (
            <EmptyState title="Your role does not allow this">
              Your role is {role}. It needs the permission {section.permission}. Ask an admin of the
              application for another role.
            </EmptyState>
          )}
          {section && isAllowed && (
            <Suspense key={section.id} fallback={<LoadingState rows={5} />}>
              <section.Content />
            </Suspense>
          )}
        </Stack>
      </div>
      <ShownOnce />
    </>
  );
}
