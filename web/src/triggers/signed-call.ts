// A shell script that sends a signed call to a webhook, to copy. Each signature scheme signs in its own way; the person
// puts the secret into the script, because the server never returns it again.

const HEX = `openssl dgst -sha256 -hmac "$SECRET" | sed 's/^.* //'`;

const SCHEMES: Readonly<Record<string, (url: string) => string[]>> = {
  standard_webhooks: (url) => [
    `BODY='{"test": true}'`,
    'AT=$(date +%s)',
    'ID="test_$AT"',
    `KEY=$(printf %s "\${SECRET#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \\n')`,
    'SIGNATURE=$(printf %s "$ID.$AT.$BODY" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$KEY" -binary | base64)',
    `curl -X POST '${url}' -H 'content-type: application/json' \\`,
    '  -H "webhook-id: $ID" -H "webhook-timestamp: $AT" -H "webhook-signature: v1,$SIGNATURE" \\',
    '  -d "$BODY"',
  ],
  github: (url) => [
    `BODY='{"zen": "Test"}'`,
    `SIGNATURE=$(printf %s "$BODY" | ${HEX})`,
    `curl -X POST '${url}' -H 'content-type: application/json' \\`,
    '  -H "X-GitHub-Event: ping" -H "X-GitHub-Delivery: test-$(date +%s)" \\',
    '  -H "X-Hub-Signature-256: sha256=$SIGNATURE" -d "$BODY"',
  ],
  stripe: (url) => [
    'AT=$(date +%s)',
    `BODY="{\\"id\\": \\"evt_test_$AT\\", \\"type\\": \\"test\\"}"`,
    `SIGNATURE=$(printf %s "$AT.$BODY" | ${HEX})`,
    `curl -X POST '${url}' -H 'content-type: application/json' \\`,
    '  -H "Stripe-Signature: t=$AT,v1=$SIGNATURE" -d "$BODY"',
  ],
  slack: (url) => [
    'AT=$(date +%s)',
    `BODY="{\\"type\\": \\"event_callback\\", \\"event_id\\": \\"Ev$AT\\"}"`,
    `SIGNATURE=$(printf %s "v0:$AT:$BODY" | ${HEX})`,
    `curl -X POST '${url}' -H 'content-type: application/json' \\`,
    '  -H "X-Slack-Request-Timestamp: $AT" -H "X-Slack-Signature: v0=$SIGNATURE" -d "$BODY"',
  ],
};

/** Undefined for a scheme that this client does not know. */
export function signedCall(scheme: string, url: string): string | undefined {
  const lines = SCHEMES[scheme]?.(url);
  return lines && [`SECRET='…'`, ...lines].join('\n');
}
