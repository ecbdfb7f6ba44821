// The sample shop: reads of its orders. GET /orders and GET /orders/<id>.

import type { Received, Reply } from '../fakes/http.ts';
import { orderOf, recentOrders } from './orders.ts';
import { refusal } from './refusal.ts';

/** The shop has the orders 1001 to 1999. */
const KNOWN_ORDER = /^1(?!000)\d{3}$/;

export function answerShop({ method, path }: Received): Reply {
  const [, area, id, more] = path.split('/');
  if (area !== 'orders' || more !== undefined) {
    return refusal(404, 'not_found', `The shop has no ${path}; read /orders or /orders/<id>`);
  }
  if (method !== 'GET') {
    return refusal(
      405,
      'method_not_allowed',
      `The orders of the shop can only be read, not ${method}`,
    );
  }
  if (id === undefined || id === '') return { body: recentOrders() };
  if (!KNOWN_ORDER.test(id)) {
    return refusal(404, 'order_not_found', `There is no order ${id}; the shop has 1001 to 1999`);
  }
  return { body: orderOf(id) };
}
