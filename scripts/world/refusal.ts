// How a sample service refuses a request: a status, a code for programs and a sentence for people.

import type { Reply } from '../fakes/http.ts';

export function refusal(status: number, code: string, message: string): Reply {
  return { status, body: { error: code, message } };
}
