'use client';
// The form of a new order. It hands the order to the server action and shows its run.
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { browserClients } from '../lib/stepbase.ts';
import { placeOrder } from './actions.ts';

export default function NewOrderPage() {
  const router = useRouter();
  const [key] = useState(() => crypto.randomUUID());
  const [problem, setProblem] = useState('');

  async function submit(form: FormData) {
    const { data } = await browserClients().supabase.auth.getSession();
    const placed = await placeOrder(data.session?.access_token ?? '', {
      product: String(form.get('product')),
      quantity: Number(form.get('quantity')),
      key,
    });
    if ('runId' in placed) router.push(`/orders/${placed.runId}`);
    else setProblem(placed.problem);
  }

  return (
    <main>
      <h1>New order</h1>
      <form action={submit}>
        <label>
          Product
          <input name="product" defaultValue="Tea" required />
        </label>
        <label>
          Quantity
          <input name="quantity" type="number" min="1" defaultValue="10" required />
        </label>
        <button type="submit">Place order</button>
      </form>
      {problem && <p role="alert">{problem}</p>}
    </main>
  );
}
