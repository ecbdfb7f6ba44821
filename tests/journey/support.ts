// What a new company has before it knows Stepbase: people who sign up by mail, and a supplier on the network.

import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { type HttpServer, serveHttp } from '../../scripts/fakes/http.ts';
import { linkIn, mailTo } from '../support/mail.ts';
import { client, type StackClient, type StackInfo } from '../support/stack.ts';

export interface Person {
  id: string;
  email: string;
  /** A session with which only public addresses are used. */
  as: StackClient;
}

/** Signs up with an address and a password; follows the link of the mail if Auth wants the address confirmed. */
export async function signUp(stack: StackInfo, email: string): Promise<Person> {
  const as = client(stack);
  const { data, error } = await as.auth.signUp({ email, password: randomUUID() });
  expect(error).toBeNull();
  if (data.session === null) await confirm(stack, email, as);
  const { data: own } = await as.auth.getUser();
  expect(own.user?.email).toBe(email);
  return { id: own.user?.id ?? '', email, as };
}

/** Follows the link as a browser does; the address that it leads to carries the session. */
async function confirm(stack: StackInfo, email: string, as: StackClient): Promise<void> {
  const mail = await mailTo(email, /^Confirm your sign-up/, stack.mail_url);
  const answer = await fetch(linkIn(mail, /\/verify\?/), { redirect: 'manual' });
  const landed = new URL(answer.headers.get('location') ?? '');
  expect(landed.origin).toBe(new URL(stack.web_url).origin);
  const values = new URLSearchParams(landed.hash.slice(1));
  const { error } = await as.auth.setSession({
    access_token: values.get('access_token') ?? '',
    refresh_token: values.get('refresh_token') ?? '',
  });
  expect(error).toBeNull();
}

/** The token in the mail that invites an address. */
export async function invitationFor(stack: StackInfo, email: string): Promise<string> {
  const mail = await mailTo(email, /^Invitation to/, stack.mail_url);
  const link = linkIn(mail, /\/invitation\?/);
  expect(link.origin).toBe(new URL(stack.web_url).origin);
  return link.searchParams.get('token') ?? '';
}

export const PRICE = 1200;

export interface Supplier extends HttpServer {
  host: string;
  secret: string;
}

/** A service that answers with a price, but only to requests with its secret. */
export async function startSupplier(): Promise<Supplier> {
  const secret = randomUUID();
  const server = await serveHttp(({ headers }) =>
    headers.authorization === `Bearer ${secret}`
      ? { body: { price: PRICE } }
      : { status: 401, body: { message: 'wrong key' } },
  );
  return { ...server, host: new URL(server.url).host, secret };
}

/** Asks the supplier for the price and a person for the approval of the purchase. */
export function purchase(supplier: Supplier, approver: Record<string, string>) {
  return {
    nodes: [
      step('price', 'http_request', {
        url: supplier.url,
        headers: { authorization: 'Bearer {{ secrets.supplier_key }}' },
      }),
      step('ask', 'wait_for_approval', {
        title: 'Buy {{ input.item }} for {{ steps.price.output.body.price }}?',
        ...approver,
      }),
      step('order', 'transform', {
        expression:
          '{"item": input.item, "price": steps.price.output.body.price, "approved_by": steps.ask.output.decided_by}',
      }),
      step('refuse', 'transform', { expression: '"refused"' }),
    ],
    edges: [
      { id: 'e1', source: 'price', target: 'ask' },
      { id: 'e2', source: 'ask', target: 'order', sourceHandle: 'approved' },
      { id: 'e3', source: 'ask', target: 'refuse', sourceHandle: 'rejected' },
    ],
  };
}

const step = (id: string, type: string, config: Record<string, unknown>) => ({
  id,
  type,
  data: { config },
});
