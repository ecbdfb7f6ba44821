// The members of the applications of an organization, by person.
export interface Membership {
  app_code: string;
  application_name: string;
  user_id: string;
  email: string;
  display_name: string;
  role: string;
}

export interface OrganizationPerson {
  id: string;
  email: string;
  displayName: string;
  memberships: Membership[];
}

export function byPerson(rows: readonly Membership[]): OrganizationPerson[] {
  const people = new Map<string, OrganizationPerson>();
  for (const row of rows) {
    const known = people.get(row.user_id);
    if (known) known.memberships.push(row);
    else {
      people.set(row.user_id, {
        id: row.user_id,
        email: row.email,
        displayName: row.display_name,
        memberships: [row],
      });
    }
  }
  return [...people.values()];
}

/** `text` is part of the address, the name, a role, or an application. */
export function matching(
  people: readonly OrganizationPerson[],
  text: string,
): OrganizationPerson[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return [...people];
  return people.filter(({ email, displayName, memberships }) =>
    [
      email,
      displayName,
      ...memberships.flatMap(({ role, application_name }) => [role, application_name]),
    ].some((value) => value.toLowerCase().includes(wanted)),
  );
}
