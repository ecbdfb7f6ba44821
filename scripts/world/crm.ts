// The sample CRM: POST /customers finds a contact by e-mail address, as the component crm-lookup calls it. It does not
// know a new customer the first time. It then creates a contact, so the next look-up finds one without an address.

import { z } from 'zod';
import type { Received, Reply } from '../fakes/http.ts';
import { refusal } from './refusal.ts';

export interface Contact {
  email: string;
  name: string;
  tier: string;
  address?: { street: string; city: string };
}

const CONTACTS: readonly Contact[] = [
  {
    email: 'ada@customer.example',
    name: 'Ada Lovelace',
    tier: 'gold',
    address: { street: '12 St James Square', city: 'London' },
  },
  { email: 'grace@customer.example', name: 'Grace Hopper', tier: 'standard' },
  {
    email: 'alan@customer.example',
    name: 'Alan Turing',
    tier: 'silver',
    address: { street: '43 Adlington Road', city: 'Wilmslow' },
  },
];

/** A signed call of a component; its other keys do not matter to the CRM. */
const lookUp = z.object({ input: z.object({ email: z.email() }) });

/** Contacts that the CRM may create; the oldest ones are forgotten. */
const MAX_NEW_CONTACTS = 1_000;

export function createCrm(): (request: Received) => Reply {
  const created = new Map<string, Contact>();
  const find = (email: string) =>
    CONTACTS.find((contact) => contact.email === email) ?? created.get(email);

  return ({ method, path, body }) => {
    if (path !== '/customers') {
      return refusal(404, 'not_found', `The CRM has no ${path}; post to /customers`);
    }
    if (method !== 'POST') {
      return refusal(405, 'method_not_allowed', `The CRM takes a POST with JSON, not ${method}`);
    }
    const call = lookUp.safeParse(body);
    if (!call.success) {
      return refusal(
        400,
        'invalid_call',
        'The body must be JSON with input.email, an e-mail address',
      );
    }
    const email = call.data.input.email.toLowerCase();
    const contact = find(email);
    if (contact) return { body: contact };
    for (const oldest of created.keys()) {
      if (created.size < MAX_NEW_CONTACTS) break;
      created.delete(oldest);
    }
    created.set(email, { email, name: email.replace(/@.*/, ''), tier: 'new' });
    return refusal(404, 'contact_not_found', `The CRM does not know ${email} yet`);
  };
}
