// The commands that exchange workflows, components and schedules between the folder and the database.
import { type Command, Option } from 'commander';
import type { Act } from '../program.ts';
import { type DiffOptions, diff } from './diff.ts';
import { publish } from './publish.ts';
import { type PullOptions, pull } from './pull.ts';
import { type PushOptions, push } from './push.ts';
import { type ValidateOptions, validate } from './validate.ts';

const NAMES = 'names of workflows; default: all workflows, components and schedules';

const only = () =>
  new Option('--only <kind>', 'only this kind').choices(['workflows', 'components', 'schedules']);

export function addWorkflowCommands(program: Command, act: Act): void {
  program
    .command('validate')
    .summary('check the files of the folder')
    .description(
      'Checks the files of the folder and then, on the server, each definition. The exit code is 1 if there is an error.',
    )
    .argument('[workflows...]', NAMES)
    .option('--local', 'check the files only, without a server')
    .action(
      act((context, names: string[], options: ValidateOptions) =>
        validate(context, names, options),
      ),
    );
  program
    .command('diff')
    .summary('compare the folder with the database')
    .description(
      'Compares each workflow of the folder with its draft, or else with its published version, and the components and schedules with those of the database. The exit code is 1 if there is a difference.',
    )
    .argument('[workflows...]', NAMES)
    .option('--published', 'compare with the published versions')
    .addOption(only())
    .action(act((context, names: string[], options: DiffOptions) => diff(context, names, options)));
  program
    .command('push')
    .summary('store the folder: workflows as drafts, components, schedules')
    .description(
      'Saves each changed workflow of the folder as its draft, and stores changed components and schedules, which count at once. If the database has changes that are not in git, it shows them, changes nothing, and the exit code is 3.',
    )
    .argument('[workflows...]', NAMES)
    .option('--publish', 'publish them, if no draft has an error')
    .option('--dry-run', 'show the differences and change nothing')
    .option('--force', 'overwrite changes that are not in git')
    .option(
      '--prune',
      'take out of use what git does not have: archive workflows, deactivate components, delete schedules',
    )
    .addOption(only())
    .action(act((context, names: string[], options: PushOptions) => push(context, names, options)));
  program
    .command('pull')
    .summary('write the workflows, components and schedules of the database into the folder')
    .description(
      'Writes each workflow of the database into the folder: its draft, or else its published version; and the components and schedules. A file that has other changes stays as it is, and the exit code is 3.',
    )
    .argument('[workflows...]', NAMES)
    .addOption(new Option('--format <format>', 'of new files; default: ts').choices(['ts', 'json']))
    .option('--published', 'the published versions')
    .option('--force', 'overwrite changes of the folder')
    .addOption(only())
    .action(act((context, names: string[], options: PullOptions) => pull(context, names, options)));
  program
    .command('publish')
    .summary('publish the drafts in the database')
    .description(
      'Publishes drafts that were pushed. A draft that differs from git is not published, and the exit code is 3.',
    )
    .argument('[workflows...]', 'names of workflows; default: those of the folder')
    .option('--force', 'also publish drafts that differ from git')
    .action(
      act((context, names: string[], options: { force?: boolean }) =>
        publish(context, names, options),
      ),
    );
}
