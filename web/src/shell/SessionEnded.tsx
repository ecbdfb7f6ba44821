// The dialog of a session that has ended by itself: the person signs in again, with the code of a second factor if there is
// one, and the page behind it keeps its place.
import { Anchor, Text } from '@mantine/core';
import type { Session } from '@supabase/auth-js';
import { CODE_TEXT, CodeForm } from '../auth/CodePage.tsx';
import { SignInForm } from '../auth/SignIn.tsx';
import { signOut } from '../auth/session.ts';
import { Modal } from '../shared/dialogs.tsx';

interface Props {
  email: string;
  /** The person has signed in again and enters the code. */
  unverified: Session | undefined;
}

async function leave(unverified: Session | undefined): Promise<void> {
  if (unverified) await signOut();
  location.assign('/');
}

export default function SessionEnded({ email, unverified }: Props) {
  return (
    <Modal
      opened
      onClose={() => undefined}
      withCloseButton={false}
      closeOnEscape={false}
      closeOnClickOutside={false}
      title="Your session has ended"
    >
      {unverified ? (
        <>
          <Text mb="md">{CODE_TEXT}</Text>
          <CodeForm session={unverified} />
        </>
      ) : (
        <>
          <Text mb="md">Sign in again to continue where you are.</Text>
          <SignInForm mode="sign-in" email={email} />
        </>
      )}
      <Anchor component="button" type="button" mt="md" onClick={() => void leave(unverified)}>
        Use another account
      </Anchor>
    </Modal>
  );
}
