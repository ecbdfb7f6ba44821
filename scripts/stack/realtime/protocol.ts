// The wire format of supabase-js: Phoenix messages as JSON objects (1.0.0) or arrays (2.0.0), and in 2.0.0 broadcasts
// as binary frames: kind 3 from a client, kind 4 to a client.

export type Version = '1.0.0' | '2.0.0';

export interface Message {
  joinRef: string | null;
  ref: string | null;
  topic: string;
  event: string;
  payload: unknown;
}

/** A broadcast: the payload object as JSON text, which is inserted unchanged, or the bytes of the caller. */
export type Broadcast =
  | { kind: 'json'; json: string }
  | { kind: 'binary'; event: string; bytes: Uint8Array; meta?: Record<string, unknown> };

/** The content of a client's binary frame, as the payload of a `broadcast` message. */
export class BroadcastPush {
  readonly broadcast: Broadcast;
  readonly event: string;
  readonly metadata: Record<string, unknown>;
  constructor(broadcast: Broadcast, event: string, metadata: Record<string, unknown>) {
    this.broadcast = broadcast;
    this.event = event;
    this.metadata = metadata;
  }
}

/** A frame is encoded once and sent to every subscriber of its topic. */
export interface Frame {
  data: Buffer;
  binary: boolean;
}

const USER_BROADCAST_PUSH = 3;
const USER_BROADCAST = 4;
const JSON_ENCODING = 1;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOrNull(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? String(value) : null;
}

function message(
  joinRef: unknown,
  ref: unknown,
  topic: unknown,
  event: unknown,
  payload: unknown,
): Message {
  if (typeof topic !== 'string' || typeof event !== 'string') {
    throw new TypeError('a message needs a topic and an event');
  }
  return {
    joinRef: textOrNull(joinRef),
    ref: textOrNull(ref),
    topic,
    event,
    payload: payload ?? {},
  };
}

export function decodeText(version: Version, text: string): Message {
  const value: unknown = JSON.parse(text);
  if (version === '2.0.0') {
    if (!Array.isArray(value)) throw new TypeError('a 2.0.0 message is an array');
    return message(value[0], value[1], value[2], value[3], value[4]);
  }
  if (!isRecord(value)) throw new TypeError('a 1.0.0 message is an object');
  return message(value.join_ref, value.ref, value.topic, value.event, value.payload);
}

export function decodeBinary(data: Buffer): Message {
  if (data.length < 7 || data[0] !== USER_BROADCAST_PUSH) throw new TypeError('unknown frame');
  let offset = 7;
  const field = (index: number): string => {
    const length = data[index] ?? 0;
    if (offset + length > data.length) throw new RangeError('truncated frame');
    const text = data.toString('utf8', offset, offset + length);
    offset += length;
    return text;
  };
  const joinRef = field(1);
  const ref = field(2);
  const topic = field(3);
  const event = field(4);
  const metadataText = field(5);
  const metadata: unknown = metadataText === '' ? {} : JSON.parse(metadataText);
  const bytes = data.subarray(offset);
  const broadcast: Broadcast =
    data[6] === JSON_ENCODING
      ? jsonBroadcast(event, checkedJson(bytes.toString('utf8')))
      : { kind: 'binary', event, bytes };
  return {
    joinRef: joinRef === '' ? null : joinRef,
    ref: ref === '' ? null : ref,
    topic,
    event: 'broadcast',
    payload: new BroadcastPush(broadcast, event, isRecord(metadata) ? metadata : {}),
  };
}

/** The text is sent unchanged; it must be JSON. */
function checkedJson(text: string): string {
  JSON.parse(text);
  return text;
}

export function jsonBroadcast(
  event: string,
  payloadJson: string,
  meta?: Record<string, unknown>,
): Broadcast {
  const tail = meta ? `,"meta":${JSON.stringify(meta)}` : '';
  return {
    kind: 'json',
    json: `{"type":"broadcast","event":${JSON.stringify(event)},"payload":${payloadJson}${tail}}`,
  };
}

/** `payloadJson` is inserted unchanged, so numbers of database broadcasts keep every digit. */
export function encodeJson(
  version: Version,
  joinRef: string | null,
  ref: string | null,
  topic: string,
  event: string,
  payloadJson: string,
): Frame {
  const head = JSON.stringify(topic);
  const name = JSON.stringify(event);
  const refs = [JSON.stringify(joinRef), JSON.stringify(ref)];
  const text =
    version === '2.0.0'
      ? `[${refs[0]},${refs[1]},${head},${name},${payloadJson}]`
      : `{"topic":${head},"event":${name},"payload":${payloadJson},"ref":${refs[1]},"join_ref":${refs[0]}}`;
  return { data: Buffer.from(text), binary: false };
}

/** Null if the protocol cannot encode the message: 1.0.0 has no binary payloads. */
export function encodeBroadcast(
  version: Version,
  topic: string,
  broadcast: Broadcast,
): Frame | null {
  if (broadcast.kind === 'json') {
    return encodeJson(version, null, null, topic, 'broadcast', broadcast.json);
  }
  if (version === '1.0.0') return null;
  const topicBytes = Buffer.from(topic);
  const eventBytes = Buffer.from(broadcast.event);
  const metaBytes = Buffer.from(broadcast.meta ? JSON.stringify(broadcast.meta) : '');
  const header = [topicBytes.length, eventBytes.length, metaBytes.length];
  if (header.some((length) => length > 255)) return null;
  return {
    data: Buffer.concat([
      Buffer.from([USER_BROADCAST, ...header, 0]),
      topicBytes,
      eventBytes,
      metaBytes,
      broadcast.bytes,
    ]),
    binary: true,
  };
}
