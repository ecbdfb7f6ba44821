// The Edge Function. Deploy it with verify_jwt = false: the signature of the call identifies Stepbase.
import { app } from './app.ts';

export default { fetch: app };
