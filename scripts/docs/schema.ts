// docs/reference/schema.md and one page for each domain: tables, columns, constraints, policies and
// grants of the exposed schema, from the catalogue of a migrated database.

import type pg from 'pg';
import { grantsByRole, type Relation, readRelations } from '../database/catalogue.ts';
import { DOMAINS, diagrams } from '../database/diagrams.ts';
import { SCHEMAS } from '../database/schemas.ts';
import type { GeneratedPage } from './markdown.ts';
import { anchor, block, code, firstSentence, generatedFrom, page, table } from './markdown.ts';

const source = `the catalogue of schema \`${SCHEMAS.exposed}\``;

const shortType = (type: string) =>
  type
    .replace('timestamp with time zone', 'timestamptz')
    .replaceAll(new RegExp(`\\b${SCHEMAS.exposed}\\.`, 'g'), '');

const short = (sql: string) =>
  sql.replaceAll(/\s+/g, ' ').replaceAll(new RegExp(`\\b${SCHEMAS.exposed}\\.`, 'g'), '');

const DOMAIN_PURPOSES: Readonly<Record<string, string>> = {
  Tenancy: 'Organizations, applications, users, memberships and API keys.',
  Registry: 'Components, prompts, projects, task queues and workers.',
  Definitions: 'Workflows, their versions, and everything that a workflow declares.',
  Execution: 'Runs, step runs, context, events, signals, work items and the outbox.',
  Insight: 'Statistics and the audit log.',
};

function columnsTable(relation: Relation): string {
  return table(
    ['column', 'type', 'null', 'default', 'meaning'],
    relation.columns.map((column) => [
      code(column.name),
      shortType(column.type),
      column.not_null ? '' : 'yes',
      column.generated ? 'generated' : column.default === null ? '' : code(short(column.default)),
      column.comment ?? '',
    ]),
  );
}

function constraintsList(relation: Relation): string {
  if (relation.constraints.length === 0) return '';
  return [
    'Constraints:',
    '',
    ...relation.constraints.map(
      ({ name, definition }) => `* ${code(name)}: ${code(short(definition))}`,
    ),
  ].join('\n');
}

function accessText(relation: Relation): string {
  const grants = grantsByRole(relation.grants);
  if (grants.length === 0) return 'No client has a privilege on this table.';
  const granted = table(
    ['role', 'privileges'],
    grants.map(({ role, privileges }) => [code(role), privileges.join(', ')]),
  );
  if (relation.policies.length === 0) return granted;
  const policies = table(
    ['policy', 'command', 'roles', 'rows'],
    relation.policies.map(({ name, command, roles, using, check }) => [
      name,
      command,
      roles.join(', '),
      [
        ...(using === null ? [] : [code(short(using))]),
        ...(check === null ? [] : [`new row: ${code(short(check))}`]),
      ].join('; '),
    ]),
  );
  return `${granted}\n\n${policies}`;
}

function section(relation: Relation): string {
  return page(
    `## ${relation.name}`,
    relation.comment ?? '',
    columnsTable(relation),
    constraintsList(relation),
    accessText(relation),
  );
}

const fileOf = (domain: string) => `${domain.toLowerCase()}.md`;

/** A lookup table with its values. */
async function lookup(client: pg.Client, relation: Relation): Promise<string> {
  const names = relation.columns
    .map(({ name }) => name)
    .filter((name) => !['icon', 'color', 'ordinal', 'created_at', 'permissions'].includes(name));
  const { rows } = await client.query<Record<string, unknown>>(
    `select ${names.join(', ')} from ${relation.schema}.${relation.name} order by ordinal, name`,
  );
  return page(
    `## ${relation.name}`,
    relation.comment ?? '',
    table(
      names,
      rows.map((row) =>
        names.map((name) => {
          const value = row[name];
          if (name === 'name') return code(String(value));
          if (typeof value === 'boolean') return value ? 'yes' : '';
          return value === null ? '' : String(value);
        }),
      ),
    ),
  );
}

export async function schemaPages(client: pg.Client): Promise<GeneratedPage[]> {
  const drawings = await diagrams(client);
  const relations = (await readRelations(client)).filter(
    ({ schema, kind }) => schema === SCHEMAS.exposed && kind !== 'type',
  );
  const domainOf = (relation: Relation) =>
    Object.keys(DOMAINS).find((domain) => DOMAINS[domain]?.includes(relation.name));
  const views = relations.filter(({ kind }) => kind !== 'table');
  const lookups = relations.filter(
    (relation) =>
      relation.kind === 'table' &&
      domainOf(relation) === undefined &&
      // The step types have a page of their own.
      relation.name !== 'step_types',
  );
  const domains = Object.keys(DOMAINS).map((domain) => ({
    domain,
    members: relations.filter((relation) => domainOf(relation) === domain),
  }));

  const list = (members: Relation[], file: string) =>
    table(
      ['table', 'purpose'],
      members.map(({ name, comment }) => [
        `[${name}](schema/${file}#${anchor(name)})`,
        firstSentence(comment ?? ''),
      ]),
    );

  const index = page(
    generatedFrom(source),
    '# Schema',
    `Schema \`${SCHEMAS.exposed}\` has ${relations.length} tables and views. Clients read and write them through row-level security; runs are written by the engine only. The complete schema, with function bodies, is [supabase/schema.snapshot.sql](../../supabase/schema.snapshot.sql).`,
    '## How to read the model',
    [
      '* **Keys.** `id uuid` everywhere, except where a natural key exists: `app_code`, the names of lookup tables, and (version, node) for the graph. `unique (id, app_code)` on every tenant table is the target of composite foreign keys, so no row can refer to a row of another application. There are two exceptions: `workflow_nodes.component_id`, because a component can be shared with other applications, and keys of lookup tables.',
      '* **Enumerations** are lookup tables with text keys. Each value has a label, an icon and a colour; a migration of one line adds a value.',
      '* **Status** columns change only along listed transitions: of [runs and steps](../concepts/lifecycle.md) and of [workflows](workflow-states.md). Triggers refuse other changes with `SB409`.',
      '* **Visibility.** `private` means the own application, `organization` also the other applications of the organization, `public` the members of every application. Others can read; only the own application can write. A private row is visible to every member of its application, not only to its creator, because colleagues must see a workflow to approve its tasks.',
      '* **Workers** belong to no application. The rows that workers write have `app_code` null, serve every application, and are visible to every member with `worker:read`. A row with an `app_code` belongs to that application.',
      '* **Access** follows the current role of the membership, not the claims of the token: see [permissions](permissions.md).',
    ].join('\n'),
    ...domains.flatMap(({ domain, members }) => [
      `## ${domain}`,
      `${DOMAIN_PURPOSES[domain] ?? ''} [Diagram and columns](schema/${fileOf(domain)}).`,
      list(members, fileOf(domain)),
    ]),
    '## Views',
    list(views, 'views.md'),
    '## Lookup tables',
    'Fixed values; migrations add to them, clients only read. [Values](schema/lookups.md). The [step types](step-types.md) have a page of their own.',
    list(lookups, 'lookups.md'),
  );

  const pages: GeneratedPage[] = domains.map(({ domain, members }) => ({
    path: `docs/reference/schema/${fileOf(domain)}`,
    text: page(
      generatedFrom(source),
      `# Schema: ${domain.toLowerCase()}`,
      DOMAIN_PURPOSES[domain] ?? '',
      'The lines of the diagram leave out `app_code` and lookup tables: every tenant table has the former, and every status, type and visibility refers to its lookup table.',
      block('mermaid', drawings.get(domain) ?? ''),
      ...members.map(section),
    ),
  }));
  const valuePages: string[] = [];
  for (const relation of lookups) valuePages.push(await lookup(client, relation));
  return [
    { path: 'docs/reference/schema.md', text: index },
    ...pages,
    {
      path: 'docs/reference/schema/views.md',
      text: page(generatedFrom(source), '# Schema: views', ...views.map(section)),
    },
    {
      path: 'docs/reference/schema/lookups.md',
      text: page(
        generatedFrom(`the lookup tables of schema \`${SCHEMAS.exposed}\``),
        '# Schema: lookup tables',
        'Every signed-in user can read these tables. Icon, colour and order of the values are left out here.',
        ...valuePages,
      ),
    },
  ];
}
