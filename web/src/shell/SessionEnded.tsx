// The dialog of a session that has ended by itself: the person signs in again, and the page behind it keeps its place.
import { Anchor, Text } from '@mantine/core';
import { SignInForm } from '../auth/SignIn.tsx';
import { Modal } from '../shared/dialogs.tsx';

export default function SessionEnded({ email }: { email: string }) {
  return (
    <Modal
      opened
      onClose={() => undefined}
      withCloseButton={false}
      closeOnEscape={false}
      closeOnClickOutside={false}
      title="Your session has ended"
    >
      <Text mb="md">Sign in again to continue where you are.</Text>
      <SignInForm mode="sign-in" email={email} />
      <Anchor component="button" type="button" mt="md" onClick={() => location.assign('/')}>
        Use another account
      </Anchor>
    </Modal>
  );
}
