// The order of the files in a run of Vitest: the long ones first, so that no worker is left with one at the end. A fresh
// clone has no times of an earlier run; without them Vitest would begin with the largest files.

import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files of more than about ten seconds. In turns one that waits and one that computes: two that wait leave a core idle. */
export const LONGEST = [
  'tests/browser/pages.main.test.ts',
  'tests/browser/api-page.test.ts',
  'tests/browser/triggers.test.ts',
  'tests/browser/editor.test.ts',
  'tests/browser/live-run.watch.test.ts',
  'tests/browser/workflows.test.ts',
  'tests/browser/shell.test.ts',
  'tests/browser/run-page.test.ts',
  'tests/browser/runs-list.test.ts',
  'tests/browser/live-run.lost.test.ts',
  'tests/browser/settings.admin.test.ts',
  'tests/browser/mfa.test.ts',
  'tests/browser/two-users.test.ts',
  'tests/browser/run-control.test.ts',
  'tests/engine/chaos.short.test.ts',
  'tests/engine/crash.takeover.test.ts',
  'tests/engine/operations.bulk.test.ts',
  'tests/engine/budget.invocations.test.ts',
  'tests/engine/versions.features.test.ts',
  'tests/engine/semantics/triggers.events.test.ts',
  'tests/engine/semantics/limits.fairness.test.ts',
  'tests/engine/cancel.in-flight.test.ts',
  'tests/engine/apps.apart.test.ts',
  'tests/engine/semantics/control.cancel-pause.test.ts',
  'tests/engine/crash.triggers.test.ts',
  'tests/engine/semantics/schedules.clock.test.ts',
  'tests/engine/semantics/limits.runs.test.ts',
  'tests/engine/pooler.transactions.test.ts',
  'tests/engine/semantics/queues.items.test.ts',
  'tests/engine/semantics/children.links.test.ts',
  'tests/engine/semantics/for-each.items.test.ts',
  'tests/engine/traces.export.test.ts',
  'tests/engine/semantics/limits.backlog.test.ts',
  'tests/engine/queue.start.test.ts',
  'tests/engine/semantics/wake.isolation.test.ts',
  'tests/engine/workers.presence.test.ts',
  'tests/engine/db.limits.test.ts',
  'tests/engine/model.random-graphs.test.ts',
  'tests/stack/start.lifecycle.test.ts',
  'tests/cli/install.project.test.ts',
  'tests/schema/queries.explain.test.ts',
  'tests/examples/examples.test.ts',
  'tests/hosted/bundle.boot.test.ts',
  'tests/cli/folder.resources.test.ts',
  'tests/cli/commands.test.ts',
  'tests/tooling/docs.behaviour.test.ts',
  'tests/sdk/kit.test.ts',
  'tests/api/generated.requests.test.ts',
  'tests/tooling/docs.calls.test.ts',
  'tests/stack/cli.commands.test.ts',
  'tests/schema/migrations.cycle.test.ts',
  'tests/stack/database-url.restart.test.ts',
  'tests/tooling/watch.test.ts',
  'tests/schema/migrations.versions.test.ts',
  'tests/demo/report.shape.test.ts',
  'tests/stack/database-url.existing-server.test.ts',
  'tests/install/uninstall.test.ts',
  'tests/install/existing-project.test.ts',
  'tests/install/upgrade.test.ts',
  'tests/cli/folder.exchange.test.ts',
  'tests/stack/gateway.container.test.ts',
  'tests/schema/step-types.agreement.test.ts',
];

/** Whether the first of two files comes first: negative if so. */
export function byLength(one: string, other: string): number {
  const [first, second] = [one, other].map((file) => {
    const place = LONGEST.indexOf(file);
    return place < 0 ? LONGEST.length : place;
  });
  return (first ?? 0) - (second ?? 0);
}

export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    // A stable sort: the others stay in their order.
    return sorted.sort((one, other) => byLength(pathOf(one), pathOf(other)));
  }
}

const pathOf = ({ moduleId, project }: TestSpecification): string =>
  moduleId.replace(`${project.vitest.config.root}/`, '');
