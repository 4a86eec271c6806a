// Recorded exchanges with a real SRS, as bytes: ../../captures/srs5, srs6.
import { readFileSync } from 'node:fs';

const root = new URL('../../captures/', import.meta.url);

// Head and body of the HTTP message that begins text; what follows the body
// is not part of it (a capture file adds a line feed where a body has none).
function message(bytes) {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const lines = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = lines.slice(1).map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const length = headers.find(([k]) => k.toLowerCase() === 'content-length');
  const size = length ? Number(length[1]) : 0;
  const body = bytes.subarray(end + 4, end + 4 + size);
  return {
    start: lines[0], headers, body, bytes: bytes.subarray(0, end + 4 + size),
  };
}

// {note, request, response}; response is null where SRS sent nothing.
export function capture(name) {
  const all = readFileSync(new URL(`${name}.http`, root));
  const request = all.indexOf('### request\n') + '### request\n'.length;
  const response = all.indexOf('### response\n') + '### response\n'.length;
  return {
    note: all.subarray(2, all.indexOf('\n')).toString(),
    request: message(all.subarray(request)),
    response: message(all.subarray(response)),
  };
}

export function hookCapture(name) {
  return JSON.parse(readFileSync(new URL(`${name}.json`, root), 'utf8'));
}

export const offer = (name) => capture(name).request.body.toString();
