// The orders of the sample shop. The same id always gives the same order, so a test can predict every run.

export interface Order {
  id: string;
  status: string;
  currency: string;
  customer: { name: string; email: string; tier: string };
  items: { sku: string; name: string; quantity: number; unit_price: number }[];
  note: string;
}

const notes = [
  'Thank you, the last delivery was lovely.',
  'Where is my parcel? This is urgent, I have been waiting for two weeks.',
  'The lamp arrived broken and I want my money back.',
  'Could you wrap it as a present?',
] as const;

const customers = [
  { name: 'Ada Lovelace', email: 'ada@customer.example', tier: 'gold' },
  { name: 'Grace Hopper', email: 'grace@customer.example', tier: 'standard' },
  { name: 'Alan Turing', email: 'alan@customer.example', tier: 'silver' },
] as const;

/** `id` has digits only. */
export function orderOf(id: string): Order {
  const number = Number(id);
  return {
    id,
    status: 'paid',
    currency: 'EUR',
    customer: customers[number % customers.length] ?? customers[0],
    items: [
      { sku: 'LAMP-1', name: 'Desk lamp', quantity: (number % 3) + 1, unit_price: 39.9 },
      { sku: 'BULB-4', name: 'Light bulb', quantity: 4, unit_price: 4.25 },
    ],
    note: notes[number % notes.length] ?? notes[0],
  };
}

/** The orders of yesterday. */
export const recentOrders = (): Order[] => ['1001', '1002', '1003'].map(orderOf);
