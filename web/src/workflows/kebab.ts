// The name of a workflow in addresses and code, proposed from its name for people.

/** "Copy of Größe & Co" as "copy-of-grosse-co". */
export function kebabOf(name: string): string {
  return name
    .replaceAll('ß', 'ss')
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 100)
    .replace(/-$/, '');
}
