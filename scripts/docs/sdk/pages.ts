// docs/reference/sdk*.md and test-kit.md: what the npm packages export, from the types and their doc comments.

import {
  anchor,
  block,
  code,
  type GeneratedPage,
  generatedFrom,
  page,
  table,
} from '../markdown.ts';
import type { Export, Kind } from './exports.ts';
import { type Described, describedEntries, isOfStepTypes, isRow } from './packages.ts';

const SECTIONS: readonly (readonly [string, readonly Kind[]])[] = [
  ['Functions and constants', ['function', 'constant']],
  ['Classes', ['class']],
  ['Types', ['interface', 'type']],
];

function body(one: Export): string[] {
  if (isOfStepTypes(one)) {
    return ['Its keys are the names of the [step types](step-types.md).'];
  }
  if (isRow(one)) {
    const note = 'The [schema](schema.md) describes the columns. Times are texts of ISO 8601.';
    return [block('ts', one.source), note];
  }
  if (one.members.length === 0) return [block('ts', typeText(one))];
  return [
    block('ts', one.signature),
    table(
      ['member', 'meaning'],
      one.members.map(({ signature, doc }) => [code(signature), prose(doc)]),
    ),
  ];
}

/** The bodies of functions and classes are not part of the reference. */
const typeText = ({ kind, source, signature }: Export): string =>
  kind === 'type' ? source : signature;

/** The text of a doc comment: a line break is a space, and `<` outside code begins no element of HTML. */
const prose = (doc: string): string =>
  doc
    .replaceAll(/(?<=\S)\n(?=[^\n])/g, ' ')
    .split('`')
    .map((part, index) => (index % 2 === 0 ? part.replaceAll('<', '&lt;') : part))
    .join('`');

function named(one: Export): string[] {
  return [`### ${one.name}`, prose(one.doc), ...body(one)];
}

function section(exports: readonly Export[], [title, kinds]: (typeof SECTIONS)[number]): string[] {
  const found = exports.filter(({ kind }) => kinds.includes(kind));
  return found.length === 0 ? [] : [`## ${title}`, ...found.flatMap(named)];
}

function importOf({ name, exports }: Described): string {
  const [only] = exports;
  if (only?.name === 'default')
    return `import ${only.signature.match(/function (\w+)/)?.[1]} from '${name}';`;
  const values = exports.filter(({ kind }) => kind !== 'interface' && kind !== 'type');
  const plain = values.filter(
    ({ kind, name: value }) => kind === 'function' || /^[a-z]/.test(value),
  );
  return `import { ${plain.map(({ name: value }) => value).join(', ')} } from '${name}';`;
}

function entry(one: Described): string[] {
  // The default export of a module has no name of its own.
  if (one.exports.every(({ name }) => name === 'default')) {
    const [only] = one.exports;
    return [`## ${one.name}`, one.about, block('ts', importOf(one)), only?.doc ?? ''];
  }
  return [
    `# ${one.name}`,
    one.about,
    block('ts', importOf(one)),
    overview(one),
    ...SECTIONS.flatMap((part) => section(one.exports, part)),
  ];
}

/** The names of each section, as links. */
function overview({ exports }: Described): string {
  return SECTIONS.flatMap(([title, kinds]) => {
    const names = exports.filter(({ kind }) => kinds.includes(kind));
    const links = names.map(({ name }) => `[${name}](#${anchor(name)})`);
    return links.length === 0 ? [] : [`* **${title}**: ${links.join(', ')}`];
  }).join('\n');
}

export function sdkPages(): GeneratedPage[] {
  const pages = new Map<string, Described[]>();
  for (const one of describedEntries()) pages.set(one.page, [...(pages.get(one.page) ?? []), one]);
  return [...pages].map(([name, entries]) => ({
    path: `docs/reference/${name}`,
    text: page(
      generatedFrom(entries.map(({ module }) => code(module)).join(' and ')),
      ...entries.flatMap(entry),
    ),
  }));
}
