// The reference of the SDK, the test kit and the command line describes everything that they offer.

import { expect, it } from 'vitest';
import { cliCommands } from '../../scripts/docs/cli.ts';
import { describedEntries, undescribed } from '../../scripts/docs/sdk/packages.ts';
import * as sdk from '../../sdk/src/index.ts';
import * as live from '../../sdk/src/live/index.ts';
import * as serve from '../../sdk/src/serve/index.ts';
import * as workflow from '../../sdk/src/workflow/index.ts';
import { read } from './docs-pages.ts';

const entries = describedEntries();

it('has a doc comment for every export of the packages and for its members', () => {
  expect(entries.flatMap(undescribed)).toEqual([]);
});

it('notices an export and a member without a doc comment', () => {
  const [entry] = entries;
  const [list] = entry?.exports.filter(({ name }) => name === 'ListOptions') ?? [];
  if (entry === undefined || list === undefined) throw new Error('ListOptions is not exported');
  const members = list.members.map((member) => ({ ...member, doc: '' }));
  expect(undescribed({ ...entry, exports: [{ ...list, doc: '', members }] })).toEqual([
    'stepbase: ListOptions',
    'stepbase: ListOptions: pageSize?: number',
  ]);
});

it('names what a program can import, and not what only the package uses', () => {
  const values = Object.fromEntries(
    entries.map(({ name, exports }) => [
      name,
      exports.filter(({ kind }) => kind !== 'interface' && kind !== 'type').map((one) => one.name),
    ]),
  );
  // `export type *` of the rows hides the function hasEnded, which stepbase/live exports.
  expect(values.stepbase).not.toContain('hasEnded');
  expect(values['stepbase/live']).toContain('hasEnded');
});

it.each([
  ['stepbase', sdk],
  ['stepbase/live', live],
  ['stepbase/serve', serve],
  ['stepbase/workflow', workflow],
])('lists the values that %s has when it runs', (name, loaded) => {
  const listed = entries
    .filter((entry) => entry.name === name)
    .flatMap(({ exports }) => exports)
    .filter(({ kind }) => kind !== 'interface' && kind !== 'type')
    .map((one) => one.name);
  expect(listed.sort()).toEqual(Object.keys(loaded).sort());
});

it('describes every command that help lists, with its arguments and options', () => {
  const commands = cliCommands();
  expect(commands.length).toBeGreaterThan(20);
  const silent = commands.flatMap(({ name, command }) => [
    ...(command.description() === '' && command.summary() === '' ? [name] : []),
    ...command.registeredArguments
      .filter(({ description }) => description === '')
      .map((argument) => `${name} <${argument.name()}>`),
    ...command.options
      .filter(({ description }) => description === '')
      .map(({ flags }) => `${name} ${flags}`),
  ]);
  expect(silent).toEqual([]);
  const page = read('docs/reference/cli.md');
  for (const { name } of commands) expect(page).toContain(`\n## stepbase ${name}\n`);
});
