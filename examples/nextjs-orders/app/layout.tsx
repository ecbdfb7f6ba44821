import type { Metadata } from 'next';
import type { ReactNode } from 'react';
import { Session } from './session.tsx';
import './styles.css';

export const metadata: Metadata = { title: 'Orders' };

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        <Session>{children}</Session>
      </body>
    </html>
  );
}
