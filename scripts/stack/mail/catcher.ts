// The mail catcher: every mail that the stack sends arrives here and stays on this machine, at /mail on the gateway.

import { handleMail } from './http.ts';
import { startSmtp } from './smtp.ts';
import { MailStore } from './store.ts';

export interface MailCatcher {
  /** The address for SMTP_URL. */
  url: string;
  /** Undefined if the path is not below /mail. */
  fetch(request: Request, url: URL): Promise<Response | undefined>;
  stop(): Promise<void>;
}

export async function startMailCatcher(
  port: number,
  onError: (message: string) => void,
): Promise<MailCatcher> {
  const store = new MailStore();
  const smtp = await startSmtp(port, store, onError);
  return {
    url: `smtp://127.0.0.1:${smtp.port}`,
    fetch: (request, url) => handleMail(store, request, url),
    stop: () => smtp.stop(),
  };
}
