// The head of each page: `<PageHeader title="Runs" help="guides/find-runs" actions={…} />`. It sets the title of the
// window, and takes the focus after a page change, so that a screen reader reads the title and Tab begins here. `help`
// is the path of a page below docs/. `back` names the page above.
import { Anchor, Group, Stack, Text, Title } from '@mantine/core';
import { IconHelp } from '@tabler/icons-react';
import { useRouterState } from '@tanstack/react-router';
import { type ReactNode, useEffect, useLayoutEffect, useRef } from 'react';
import { AppLink } from './address.tsx';
import { docsUrl } from './docs.ts';
import { pageChanges, setTitle, takeFocus } from './page-change.ts';

interface Props {
  title: string;
  /** The path of a docs page, without extension: `guides/find-runs`. */
  help: string;
  actions?: ReactNode;
  /** Below the title: facts, a description. */
  children?: ReactNode;
  back?: { to: string; label: string };
}

export function PageHeader({ title, help, actions, children, back }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  const path = useRouterState({ select: ({ resolvedLocation }) => resolvedLocation?.pathname });

  useEffect(() => setTitle(title), [title]);
  // The head of a page that is being read gives the focus to the head of the page with its rows.
  useLayoutEffect(() => {
    const element = heading.current;
    return () => {
      if (element !== null && document.activeElement === element) pageChanges();
    };
  }, []);
  useEffect(() => {
    if (takeFocus()) heading.current?.focus({ preventScroll: true });
  }, []);
  // Another tab of the same page: the focus stays at the tab.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs for each path
  useEffect(() => void takeFocus(), [path]);

  return (
    <Group component="header" justify="space-between" align="flex-start" gap="md" mb="md">
      <Stack gap={4} miw={0}>
        {back && (
          <AppLink to={back.to} size="sm">
            ← {back.label}
          </AppLink>
        )}
        <Group gap="xs" wrap="nowrap">
          <Title
            order={1}
            size="h2"
            ref={heading}
            tabIndex={-1}
            style={{ overflowWrap: 'anywhere' }}
          >
            {title}
          </Title>
          <Anchor
            href={docsUrl(help)}
            target="_blank"
            rel="noreferrer"
            aria-label={`Help: ${title}`}
            title="Help"
            display="inline-flex"
          >
            <IconHelp size={20} aria-hidden="true" />
          </Anchor>
        </Group>
        {typeof children === 'string' ? <Text c="dimmed">{children}</Text> : children}
      </Stack>
      {actions && <Group gap="xs">{actions}</Group>}
    </Group>
  );
}
