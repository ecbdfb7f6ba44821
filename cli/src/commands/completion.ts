// completion: scripts for shells, which ask the program for the words that can follow.
import { Argument, type Command } from 'commander';
import type { Context, Result } from '../context.ts';
import type { Act } from '../program.ts';

const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_stepbase() {
  local IFS=$'\\n'
  COMPREPLY=($(stepbase complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _stepbase stepbase`,
  zsh: `#compdef stepbase
_stepbase() {
  local -a found
  found=("\${(@f)$(stepbase complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a found
}
compdef _stepbase stepbase`,
  fish: `function __stepbase
  set -l words (commandline -opc) (commandline -ct)
  stepbase complete -- $words[2..-1] 2>/dev/null
end
complete -c stepbase -f -a '(__stepbase)'`,
};

export function addCompletionCommands(program: Command, act: Act): void {
  program
    .command('completion')
    .summary('print the completion script of a shell')
    .description(
      'Prints a script. For bash, add `source <(stepbase completion bash)` to ~/.bashrc; zsh is alike. For fish, write it to ~/.config/fish/completions/stepbase.fish.',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SCRIPTS)))
    .action(
      act((_context, shell: string) => {
        const script = SCRIPTS[shell] ?? '';
        return { data: { shell, script }, lines: [script] };
      }),
    );
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .action(
      act((context, words: string[]): Result => {
        const found = candidates(program, context, words);
        return { data: found, lines: found };
      }),
    );
}

/** The words that can stand in place of the last one. */
function candidates(program: Command, context: Context, words: readonly string[]): string[] {
  const last = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  let command = program;
  for (const word of before) {
    command = command.commands.find((one) => one.name() === word) ?? command;
  }
  const flag = before.at(-1);
  if (flag === '--link' || flag === '-l') return matching(Object.keys(context.project.links), last);
  if (last.startsWith('-')) {
    const options = [
      ...command.options,
      ...(command === program ? [] : program.options),
      { long: '--help' },
    ];
    return matching(
      options.map(({ long }) => long ?? ''),
      last,
    );
  }
  const shown = command.createHelp().visibleCommands(command);
  const choices = command.registeredArguments[0]?.argChoices ?? [];
  return matching([...shown.map((one) => one.name()), ...choices], last);
}

const matching = (all: readonly string[], start: string): string[] =>
  [...new Set(all)].filter((one) => one !== '' && one.startsWith(start));
