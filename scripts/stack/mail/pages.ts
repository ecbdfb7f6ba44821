// The pages of the caught mails, without a script: a list, and one mail with its HTML in a sandboxed frame.

import type { MailDetail, MailSummary } from './store.ts';

/** Seconds after which the list reads itself again. */
const REFRESH_SECONDS = 5;

export const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#dfe3e8, #2b3542); --muted: light-dark(#5b6673, #9aa7b5);
  --surface: light-dark(#ffffff, #171e27); --accent: light-dark(#0f766e, #2dd4bf); }
* { box-sizing: border-box; }
body { margin: 0; padding: 1rem; background: light-dark(#f6f7f9, #0e1319); color: light-dark(#17202b, #e8edf3);
  font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; display: grid; gap: 1rem; }
h1 { font-size: 1.4rem; line-height: 1.3; margin: 0; overflow-wrap: anywhere; }
a { color: var(--accent); }
header { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; justify-content: space-between; }
.muted { color: var(--muted); }
.mails { list-style: none; margin: 0; padding: 0; background: var(--surface); border: 1px solid var(--line);
  border-radius: .5rem; }
.mails li + li { border-top: 1px solid var(--line); }
.mails a { display: grid; grid-template-columns: minmax(10rem, 1fr) 2fr auto; gap: .25rem 1rem; padding: .6rem .8rem;
  color: inherit; text-decoration: none; }
.mails a:hover, .mails a:focus-visible { background: light-dark(#eef2f5, #1f2833); }
.mails span { min-width: 0; overflow-wrap: anywhere; }
.mails .subject { font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0; }
dt { color: var(--muted); }
dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
pre, iframe { margin: 0; width: 100%; background: var(--surface); border: 1px solid var(--line); border-radius: .5rem; }
pre { padding: .8rem; white-space: pre-wrap; overflow-wrap: anywhere; font: 14px/1.5 ui-monospace, monospace; }
iframe { height: 20rem; resize: vertical; }
button { font: inherit; padding: .3rem .8rem; border: 1px solid var(--line); border-radius: .4rem;
  background: var(--surface); color: inherit; cursor: pointer; }
h2 { font-size: 1rem; margin: 0 0 .3rem; }
@media (max-width: 40rem) { .mails a { grid-template-columns: 1fr; } dl { grid-template-columns: 1fr; } }
`;

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escaped = (text: string): string => text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? '');

function page(title: string, body: string, refresh = false): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${refresh ? `<meta http-equiv="refresh" content="${REFRESH_SECONDS}">` : ''}
<title>${escaped(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/mail/style.css">
</head>
<body><main>${body}</main></body>
</html>
`;
}

function time(iso: string): string {
  const text = iso.replace('T', ' ').slice(0, 19);
  return `<time datetime="${escaped(iso)}">${escaped(text)} UTC</time>`;
}

export function listPage(mails: MailSummary[], to: string | undefined): string {
  const items = mails.map(
    (mail) => `<li><a href="/mail/messages/${encodeURIComponent(mail.id)}">
<span>${escaped(mail.to.join(', '))}</span>
<span class="subject">${escaped(mail.subject || '(no subject)')}</span>
<span class="muted">${time(mail.received_at)}</span></a></li>`,
  );
  const filter =
    to === undefined ? '' : `<p>Mails to ${escaped(to)}. <a href="/mail">Show all mails</a></p>`;
  const list =
    items.length > 0
      ? `<ul class="mails">${items.join('\n')}</ul>`
      : '<p class="muted">No mail was sent yet. This page shows each mail that Auth and the workflows of this stack send.</p>';
  const clear =
    mails.length > 0
      ? '<form method="post" action="/mail/delete"><button type="submit">Delete all mails</button></form>'
      : '';
  return page('Mail', `<header><h1>Mail</h1>${clear}</header>${filter}${list}`, true);
}

export function messagePage(mail: MailDetail): string {
  const address = `/mail/messages/${encodeURIComponent(mail.id)}`;
  const rows: Array<[string, string]> = [
    ['From', escaped(mail.from)],
    [
      'To',
      mail.to
        .map((to) => `<a href="/mail?to=${encodeURIComponent(to)}">${escaped(to)}</a>`)
        .join(', '),
    ],
    ['Received', time(mail.received_at)],
    ['Source', `<a href="${address}/source">${mail.size} bytes</a>`],
  ];
  const html =
    mail.html === null
      ? ''
      : `<section><h2>HTML</h2><iframe title="HTML of the mail" src="${address}/html" sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe></section>`;
  const text =
    mail.text === '' ? '' : `<section><h2>Text</h2><pre>${linked(mail.text)}</pre></section>`;
  const attachments = mail.attachments.map(
    ({ index, filename, content_type, size }) =>
      `<li><a href="${address}/attachments/${index}">${escaped(filename)}</a> <span class="muted">${escaped(content_type)}, ${size} bytes</span></li>`,
  );
  return page(
    mail.subject || '(no subject)',
    `<header><a href="/mail">All mails</a>
<form method="post" action="${address}/delete"><button type="submit">Delete this mail</button></form></header>
<h1>${escaped(mail.subject || '(no subject)')}</h1>
<dl>${rows.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join('')}</dl>
${html}${text}
${attachments.length > 0 ? `<section><h2>Attachments</h2><ul>${attachments.join('')}</ul></section>` : ''}`,
  );
}

/** The text with its web addresses as links. */
function linked(text: string): string {
  return text
    .split(/(https?:\/\/[^\s<>"']+)/)
    .map((part, index) => {
      if (index % 2 === 0) return escaped(part);
      const address = part.replace(/[.,;:!?)]+$/, '');
      const rest = part.slice(address.length);
      return `<a href="${escaped(address)}" target="_blank" rel="noopener noreferrer">${escaped(address)}</a>${escaped(rest)}`;
    })
    .join('');
}
