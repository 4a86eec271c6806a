// Just enough of an HTTP/1 server on a raw socket to keep SRS's habits: it can
// close without a byte, and it says Connection: Close and keeps the connection.
import net from 'node:net';

const idleMs = 15000;
const maxHead = 65536;
const maxBody = 1 << 20;

function parseHead(text) {
  const [start, ...lines] = text.split('\r\n');
  const parts = start.split(' ');
  if (parts.length !== 3 || !parts[2].startsWith('HTTP/1.')) return null;
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const header = (name) =>
    headers.find(([k]) => k.toLowerCase() === name)?.[1];
  return { method: parts[0], target: parts[1], headers, header };
}

// [body, bytes used] or null while there is more to come
function chunked(bytes) {
  const parts = [];
  let at = 0;
  for (;;) {
    const eol = bytes.indexOf('\r\n', at);
    if (eol < 0) return null;
    const size = parseInt(bytes.subarray(at, eol).toString('latin1'), 16);
    const end = eol + 2 + size;
    if (!(size >= 0) || bytes.length < end + 2) return null;
    parts.push(bytes.subarray(eol + 2, end));
    at = end + 2;
    if (size === 0) return [Buffer.concat(parts), at];
  }
}

// handle(request, connection) answers Buffer, or null for "close now".
export function serve(handle, { id }) {
  return net.createServer((socket) => {
    const connection = { id: id(), ip: socket.remoteAddress, socket };
    let bytes = Buffer.alloc(0);
    let busy = false;
    socket.setNoDelay(true);
    socket.setTimeout(idleMs, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('data', (data) => {
      bytes = Buffer.concat([bytes, data]);
      if (bytes.length > maxHead + maxBody) socket.destroy();
      else void next();
    });

    async function next() {
      if (busy || socket.destroyed) return;
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) return;
      const request = parseHead(bytes.subarray(0, end).toString('latin1'));
      // its URL parser takes no "_" in a host
      if (!request || request.header('host')?.includes('_')) {
        socket.destroy();
        return;
      }
      const rest = bytes.subarray(end + 4);
      let used;
      if (/chunked/i.test(request.header('transfer-encoding') ?? '')) {
        const got = chunked(rest);
        if (!got) return;
        [request.body, used] = got;
      } else {
        used = Number(request.header('content-length') ?? 0);
        if (rest.length < used) return;
        request.body = rest.subarray(0, used);
      }
      request.raw = Buffer.from(bytes.subarray(0, end + 4 + used));
      bytes = rest.subarray(used);
      busy = true;
      const reply = await handle(request, connection);
      busy = false;
      if (reply === null) socket.end();
      else if (reply !== undefined) socket.write(reply);
      if (reply !== null) void next();
    }
  });
}

export function response(status, headers, body = '') {
  const bytes = Buffer.from(body);
  const lines = headers.map(([k, v]) =>
    `${k}: ${k === 'Content-Length' ? bytes.length : v}`);
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 ${status}\r\n${lines.join('\r\n')}\r\n\r\n`,
      'latin1'),
    bytes,
  ]);
}

export function redirect(node, location) {
  return response('302 Found', [
    ['Connection', 'Close'], ['Content-Type', 'text/plain; charset=utf-8'],
    ['Content-Length'], ['Location', location],
    ['Server', node.serverHeader],
  ], `Redirect to ${location}`);
}
