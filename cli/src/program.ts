// The commands and the options that all of them have.
import { Command, CommanderError } from 'commander';
import { addAdminCommands } from './commands/admin.ts';
import { addCompileCommand } from './commands/compile.ts';
import { addCompletionCommands } from './commands/completion.ts';
import { addDevCommand } from './commands/dev.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addInstallCommands } from './commands/install.ts';
import { addLinkCommands } from './commands/link.ts';
import { addRunCommands } from './commands/runs.ts';
import { addScheduleCommands } from './commands/schedules.ts';
import { addTaskCommands } from './commands/tasks.ts';
import { addTypesCommand } from './commands/types.ts';
import { addUninstallCommand } from './commands/uninstall.ts';
import { addWorkflowCommands } from './commands/workflows.ts';
import { Context, type GlobalOptions, type Input, type Result } from './context.ts';
import type { Env } from './credentials.ts';
import { type CliError, cliError, EXIT, usage } from './errors.ts';
import { Output, type Stream } from './output.ts';
import { VERSION } from './version.ts';

export interface Io {
  stdout: Stream;
  stderr: Stream;
  stdin: Input;
  env: Env;
}

/** Makes the action of a command: it gets the arguments and then the options of the command. */
export type Act = <Given extends readonly unknown[]>(
  work: (context: Context, ...given: Given) => Result | Promise<Result>,
) => (...given: unknown[]) => Promise<void>;

/** Runs a command line and resolves with the exit code. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  let exit: number = EXIT.ok;
  let out = new Output({ ...io, json: argv.includes('--json') });
  const act: Act =
    <Given extends readonly unknown[]>(
      work: (context: Context, ...given: Given) => Result | Promise<Result>,
    ) =>
    async (...given) => {
      const command = given.at(-1) as Command;
      const options = command.optsWithGlobals<GlobalOptions>();
      out = new Output({ ...io, json: options.json === true });
      const context = new Context(options, out, io.env, io.stdin);
      // The last one is the command itself.
      const result = await work(context, ...(given.slice(0, -1) as unknown as Given));
      out.clearProgress();
      if (out.json && result.data !== undefined) out.document(result.data);
      if (!out.json) for (const line of result.lines ?? []) out.line(line);
      exit = result.exit ?? EXIT.ok;
    };

  try {
    await createProgram(io, act).parseAsync([...argv], { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    // Without a command, commander has printed the help.
    if (error instanceof CommanderError && error.code === 'commander.help') return EXIT.usage;
    const shown = cliError(error instanceof CommanderError ? wrongUsage(error, argv) : error);
    out.error(shown);
    return shown.exit;
  }
}

/** An error of commander, with the help of the command that was meant. */
function wrongUsage({ message }: CommanderError, argv: readonly string[]): CliError {
  const [text = '', ...suggestion] = message.replace(/^error: /, '').split('\n');
  const io: Io = { stdout: SILENT, stderr: SILENT, stdin: (async function* () {})(), env: {} };
  const path: string[] = [];
  let command = createProgram(io, () => async () => {});
  for (const word of argv) {
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined) continue;
    path.push(word);
    command = next;
  }
  const help = ['stepbase', ...path, '--help'].join(' ');
  return usage('wrong_usage', text, [...suggestion, `See \`${help}\`.`].join(' '));
}

const SILENT: Stream = { write: () => true };

export function createProgram(io: Io, act: Act): Command {
  const program = new Command('stepbase')
    .description(
      'Adds Stepbase to a Supabase project, keeps the workflows of an application in git, and operates its runs.',
    )
    .version(VERSION)
    .option(
      '-l, --link <name>',
      'the link of stepbase/config.json (STEPBASE_LINK); default: "default"',
    )
    .option('--url <url>', 'the address of the project (STEPBASE_URL)')
    .option('--api-key <key>', 'an API key, or the secret key with --app (STEPBASE_API_KEY)')
    .option('--app <code>', 'the application (STEPBASE_APP)')
    .option('-C, --cwd <folder>', 'work in this folder')
    .option('--json', 'print JSON')
    .helpCommand('help [command]', 'show the help of a command')
    .configureHelp({ sortSubcommands: false, showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      // `run` prints errors, also as JSON.
      outputError: () => {},
    })
    .exitOverride();
  addInstallCommands(program, act);
  addLinkCommands(program, act);
  addWorkflowCommands(program, act);
  addCompileCommand(program, act);
  addDevCommand(program, act);
  addTypesCommand(program, act);
  addRunCommands(program, act);
  addTaskCommands(program, act);
  addScheduleCommands(program, act);
  addAdminCommands(program, act);
  addDoctorCommand(program, act);
  addUninstallCommand(program, act);
  addCompletionCommands(program, act);
  return program;
}
