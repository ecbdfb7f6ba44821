// The handlers by the names of their components, as a function from a Request to a Response.
import process from 'node:process';
import { serve } from 'stepbase/serve';
import { renderInvoice } from './handler.ts';

export const app = serve(
  { 'render-invoice': renderInvoice },
  { secret: process.env.STEPBASE_COMPONENT_SECRET ?? '' },
);
