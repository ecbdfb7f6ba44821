// The page that the link of a mail about an approval opens: it shows what is asked, and decides at a click. The token in
// the link identifies the person, so no one has to sign in.
import { useEffect, useState } from 'react';
import { callApi, explain } from '../client.ts';

interface Link {
  decision: 'approve' | 'reject';
  title: string | null;
  description: string | null;
  application: string;
  workflow: string;
  person: string;
  expires_at: string;
  deadline_at: string | null;
  approvals_required: number;
  approvals: number;
}

const when = (time: string): string => new Date(time).toLocaleString();

function Question({ link }: { link: Link }) {
  const until = link.deadline_at ?? link.expires_at;
  return (
    <>
      <h1>{link.title ?? 'Approval'}</h1>
      {link.description && <p className="decision-text">{link.description}</p>}
      <p className="muted">
        {link.workflow}, {link.application}. For {link.person}, until {when(until)}.
      </p>
      {link.approvals_required > 1 && (
        <p className="muted">
          {link.approvals} of {link.approvals_required} approvals so far.
        </p>
      )}
    </>
  );
}

export function DecisionPage({ token }: { token: string }) {
  const [link, setLink] = useState<Link>();
  const [comment, setComment] = useState('');
  const [status, setStatus] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();

  useEffect(() => {
    callApi<Link>('/task-links/read', { token }).then(setLink, (error: Error) =>
      setProblem(explain(error)),
    );
  }, [token]);

  async function decide(): Promise<void> {
    setBusy(true);
    setProblem(undefined);
    try {
      const body = comment.trim() === '' ? { token } : { token, comment };
      setStatus((await callApi<{ status: string }>('/task-links/decide', body)).status);
    } catch (error) {
      setProblem(explain(error as Error));
    }
    setBusy(false);
  }

  const approves = link?.decision === 'approve';
  return (
    <main className="sign-in">
      <section className="card decision">
        {link ? <Question link={link} /> : <h1>Approval</h1>}
        {!link && !problem && <p className="muted">Loading…</p>}
        {problem && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
        {status !== undefined ? (
          <p role="status">
            You {approves ? 'approved' : 'rejected'} it.
            {status === 'waiting' && ' The workflow waits for further decisions.'}
          </p>
        ) : (
          link && (
            <>
              <label>
                Comment
                <input
                  value={comment}
                  maxLength={10_000}
                  onChange={(event) => setComment(event.target.value)}
                />
              </label>
              <button
                type="button"
                className={approves ? 'primary' : 'danger'}
                disabled={isBusy}
                onClick={() => void decide()}
              >
                {approves ? 'Approve' : 'Reject'}
              </button>
            </>
          )
        )}
        <p className="muted">
          <a href="#/">Go to the runs</a>
        </p>
      </section>
    </main>
  );
}
