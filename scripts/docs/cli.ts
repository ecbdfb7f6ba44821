// docs/reference/cli.md: the commands of the program `stepbase`, from the definitions that also print its help.

import type { Argument, Command, Option } from 'commander';
import { EXIT, EXIT_MEANINGS } from '../../cli/src/errors.ts';
import { createProgram } from '../../cli/src/program.ts';
import { block, cell, code, generatedFrom, page, table } from './markdown.ts';

export interface CliCommand {
  /** With the names of its parents, such as `schedules pause`. */
  name: string;
  command: Command;
}

function commandsOf(parent: Command, path: readonly string[]): CliCommand[] {
  return parent
    .createHelp()
    .visibleCommands(parent)
    .flatMap((command) => {
      // commander adds it to each command that has commands.
      if (command.name() === 'help') return [];
      const names = [...path, command.name()];
      const inner = commandsOf(command, names);
      // A command with commands of its own does nothing by itself.
      return inner.length > 0 ? inner : [{ name: names.join(' '), command }];
    });
}

function program(): Command {
  const stream = { write: () => true, isTTY: false };
  const stdin = { isTTY: false, async *[Symbol.asyncIterator]() {} };
  return createProgram({ stdout: stream, stderr: stream, stdin, env: {} }, () => async () => {});
}

/** The commands in the order of the help. */
export const cliCommands = (): CliCommand[] => commandsOf(program(), []);

const visible = (command: Command): readonly Option[] =>
  command.options.filter(({ hidden }) => !hidden);

function optionsTable(options: readonly Option[]): string[] {
  if (options.length === 0) return [];
  const rows = options.map(({ flags, description }) => [code(flags), cell(description)]);
  return [table(['option', 'meaning'], rows)];
}

function argumentsTable(given: readonly Argument[]): string[] {
  if (given.length === 0) return [];
  const rows = given.map((one) => {
    const name = `${one.name()}${one.variadic ? '...' : ''}`;
    return [code(one.required ? `<${name}>` : `[${name}]`), cell(one.description)];
  });
  return [table(['argument', 'meaning'], rows)];
}

const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;

function described({ name, command }: CliCommand): string[] {
  const own = command.description();
  return [
    `## stepbase ${name}`,
    own === '' ? sentence(command.summary()) : own,
    block('sh', `stepbase ${[name, command.usage()].join(' ').trim()}`),
    ...argumentsTable(command.registeredArguments),
    ...optionsTable(visible(command)),
  ];
}

export function cliPage(): string {
  return page(
    generatedFrom('`cli/src/`'),
    '# Command line',
    'The npm package `stepbase-cli` has the command `stepbase`. [Keep workflows in git](../guides/cli.md) shows how its commands work together.',
    '## Options of all commands',
    ...optionsTable(visible(program())),
    '## Exit codes',
    table(
      ['code', 'meaning'],
      (Object.keys(EXIT) as (keyof typeof EXIT)[]).map((name) => [
        String(EXIT[name]),
        EXIT_MEANINGS[name],
      ]),
    ),
    ...cliCommands().flatMap(described),
  );
}
