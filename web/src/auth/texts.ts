// Words for the errors of Supabase Auth, by its codes.
import type { AuthError } from '@supabase/auth-js';

const TEXTS: Readonly<Record<string, string>> = {
  invalid_credentials: 'The e-mail address or the password is wrong.',
  email_not_confirmed: 'Open the link in the mail that confirms your address first.',
  user_already_exists: 'An account with this address exists. Sign in, or reset its password.',
  email_exists: 'An account with this address exists. Sign in, or reset its password.',
  signup_disabled: 'This project does not accept new accounts. Ask an admin for an invitation.',
  email_address_invalid: 'This is not a valid e-mail address.',
  same_password: 'The new password must differ from the present one.',
  over_email_send_rate_limit: 'Too many mails were sent. Wait a minute and try again.',
  over_request_rate_limit: 'Too many attempts. Wait a minute and try again.',
  user_banned: 'This account is blocked. Ask an admin.',
  otp_expired: 'The link or code has expired or was used. Ask for a new one.',
  otp_disabled: 'There is no account with this address.',
  mfa_verification_failed: 'The code is wrong or has expired. Enter the present one.',
  reauthentication_needed: 'Enter the code from the mail that we sent you.',
  session_not_found: 'Your session has ended. Sign in again.',
};

export const authText = (error: AuthError): string => {
  if (/fetch/i.test(error.message) && !error.code) {
    return 'The server cannot be reached. Check your connection and try again.';
  }
  return TEXTS[error.code ?? ''] ?? error.message;
};
