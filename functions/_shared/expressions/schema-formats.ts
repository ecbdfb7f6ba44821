// Formats of JSON Schema, as stepbase_private.json_format_matches knows them and a few more. Each check takes linear
// time, because it runs on the host's thread.

const date = /^(\d{4})-(\d{2})-(\d{2})$/;
const dateTime = /^(\d{4}-\d{2}-\d{2})[t ](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:z|[+-]\d{2}:\d{2})$/i;
const time = /^(\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:z|[+-]\d{2}:\d{2})$/i;
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const uri = /^[a-z][a-z0-9+.-]*:\/\/\S+$/i;
const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

function isDate(text: string): boolean {
  const [, year = '', month = '', day = ''] = date.exec(text) ?? [];
  const made = new Date(0);
  made.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  return Number(year) > 0 && made.getUTCMonth() === Number(month) - 1 && Number(day) > 0;
}

function isTime(hour = '99', minute = '99', second = '99'): boolean {
  return Number(hour) < 24 && Number(minute) < 60 && Number(second) < 61;
}

function isEmail(text: string): boolean {
  const at = text.indexOf('@');
  if (at < 1 || at !== text.lastIndexOf('@') || /\s/.test(text)) return false;
  const dot = text.indexOf('.', at + 2);
  return dot !== -1 && dot < text.length - 1;
}

const formats: Readonly<Record<string, (text: string) => boolean>> = {
  email: isEmail,
  uuid: (text) => uuid.test(text),
  uri: (text) => uri.test(text),
  date: isDate,
  'date-time': (text) => {
    const [, day = '', ...parts] = dateTime.exec(text) ?? [];
    return isDate(day) && isTime(...parts);
  },
  time: (text) => isTime(...(time.exec(text) ?? []).slice(1)),
  ipv4: (text) => {
    const parts = text.length > 15 ? [] : text.split('.');
    return (
      parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)
    );
  },
  ipv6: (text) => /^[0-9a-f:.]{2,45}$/i.test(text) && URL.canParse(`http://[${text}]/`),
  hostname: (text) => text.length < 254 && text.split('.').every((part) => label.test(part)),
};

/** Any text has an unknown format, as the standard requires. */
export function hasFormat(name: string, text: string): boolean {
  return !Object.hasOwn(formats, name) || formats[name]?.(text) === true;
}
