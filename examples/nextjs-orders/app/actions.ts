'use server';
// The server action that starts a run. It acts as the user, so the database decides whether the user may start it.
import { StepbaseError } from 'stepbase';
import { stepbaseOfUser } from '../lib/stepbase.ts';

export interface NewOrder {
  product: string;
  quantity: number;
  /** Made once for each form, so that a repeated click or request starts one run. */
  key: string;
}

export type Placed = { runId: string } | { problem: string };

export async function placeOrder(accessToken: string, order: NewOrder): Promise<Placed> {
  const { product, quantity, key } = order;
  try {
    const stepbase = stepbaseOfUser(accessToken);
    const run = await stepbase.start('order', { product, quantity }, { idempotencyKey: key });
    return { runId: run.id };
  } catch (error) {
    if (error instanceof StepbaseError) return { problem: error.message };
    throw error;
  }
}
