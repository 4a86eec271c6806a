// The port with HLS files and HTTP-FLV. A playlist has three segments and moves
// on with time; a segment is there once its time has come, also after the end.
import { response } from './http.mjs';
import { named } from './clients.mjs';
import { api } from './api.mjs';
import { parseQuery, randomWord } from './names.mjs';

const segments = 3;

const file = (node, type, body) => response('200 OK', [
  ['Connection', 'Close'], ['Content-Type', type], ['Content-Length'],
  ['Server', node.serverHeader],
], body);

const missing = (node, text = 'Not Found') => response('404 Not Found', [
  ['Connection', 'Close'], ['Content-Type', 'text/plain; charset=utf-8'],
  ['Content-Length'], ['Server', node.serverHeader],
], text);

// The last whole segment of a stream, -1 before the first.
function lastSegment(node, entry) {
  const until = entry.ended ?? Date.now();
  return Math.floor((until - entry.since) / node.fragmentMs) + segments - 1;
}

function playlist(node, entry, ctx) {
  const first = lastSegment(node, entry) - segments + 1;
  const seconds = (node.fragmentMs / 1000).toFixed(3);
  const lines = [
    '#EXTM3U', '#EXT-X-VERSION:3', `#EXT-X-MEDIA-SEQUENCE:${first}`,
    `#EXT-X-TARGETDURATION:${Math.ceil(node.fragmentMs / 1000) + 1}`,
    ...(first === 0 ? ['#EXT-X-DISCONTINUITY'] : []),
  ];
  for (let i = first; i < first + segments; i++) {
    lines.push(`#EXTINF:${seconds}, no desc`,
      `${entry.bare}-${i}.ts${ctx ? `?hls_ctx=${ctx}` : ''}`);
  }
  return file(node, 'application/vnd.apple.mpegurl', `${lines.join('\n')}\n`);
}

function segment(node, number) {
  const body = Buffer.alloc(node.segmentBytes, number & 0xff);
  for (let at = 0; at < body.length; at += 188) body[at] = 0x47;
  return file(node, 'video/MP2T', body);
}

function player(type, name, request, connection, query) {
  const hls = type === 'hls-play';
  const bare = name.key.slice(name.key.lastIndexOf('/') + 1);
  return {
    type, play: true, ...name, stream: hls ? `${bare}.m3u8` : bare,
    name: `${bare}.${hls ? 'm3u8' : 'flv'}`, param: query ? `?${query}` : '',
    ip: request.header('x-forwarded-for')?.split(',')[0].trim() ??
      request.header('x-real-ip') ?? connection.ip.replace(/^::ffff:/, ''),
    clientId: connection.id, tcUrl: `http://127.0.0.1/${name.app}`,
    hookTcUrl: hls ? undefined : `rtmp://${name.vhost}/${name.app}`,
    pageUrl: request.header('referer') ?? '', media: true,
  };
}

// With hls_ctx: the hook once, then a playlist for whoever knows the context;
// a denied one is known, too, and good for any stream.
async function guarded(node, request, connection, name, entry, query) {
  const params = parseQuery(query);
  const ctx = params.get('hls_ctx');
  const known = ctx && node.clients.get(ctx);
  if (known?.type === 'hls-play') return playlist(node, entry, ctx);
  if (ctx && node.ended.has(ctx)) {
    return missing(node, `HLS stream ${ctx} is EOF`);
  }
  const client = player('hls-play', name, request, connection, query);
  client.clientId = ctx ?? randomWord(8);
  client.close = () => node.ended.add(client.clientId);
  node.add(client);
  const agreed = await node.hooks.ask(node.hookFields(client, 'on_play'));
  if (!agreed) return null;
  const target = request.target.split('?')[0];
  return file(node, 'application/vnd.apple.mpegurl', [
    '#EXTM3U', '#EXT-X-STREAM-INF:BANDWIDTH=1,AVERAGE-BANDWIDTH=1',
    `${target}?hls_ctx=${client.clientId}${query ? `&${query}` : ''}`, '',
  ].join('\n'));
}

async function flv(node, request, connection, name, query) {
  const { socket } = connection;
  const client = player('flv-play', name, request, connection, query);
  if (!await node.hooks.ask(node.hookFields(client, 'on_play'))) return null;
  node.add(client);
  let started = false;
  const tick = setInterval(() => {
    if (!node.active(name.key)) return;
    if (!started) {
      socket.write(['HTTP/1.1 200 OK', 'Connection: Close',
        'Content-Type: video/x-flv', `Server: ${node.serverHeader}`,
        'Transfer-Encoding: chunked', '', ''].join('\r\n'));
    }
    // the header with "has audio and video", then tags nobody decodes
    const body = started ? Buffer.alloc(1000, 9)
      : Buffer.from('464c5601050000000900000000', 'hex');
    started = true;
    client.send += body.length;
    socket.write(Buffer.concat([
      Buffer.from(`${body.length.toString(16)}\r\n`), body,
      Buffer.from('\r\n')]));
  }, 50);
  client.close = () => {
    clearInterval(tick);
    socket.destroy();
  };
  socket.setTimeout(0);
  socket.on('close', () => void node.end(client));
  return undefined;
}

export async function media(node, request, connection) {
  const [path, ...rest] = request.target.split('?');
  const query = rest.join('?');
  if (path.includes('..') || /\s/.test(request.target)) return null;
  if (path === '/api/v1/versions') return api(node, request, path, query);
  const found = /^\/([^/]+)\/([^/]+?)(?:-(\d+))?\.(m3u8|ts|flv)$/.exec(path);
  if (!found) return missing(node);
  const [, app, stream, number, extension] = found;
  const name = named({ app, stream: `${stream}.${extension}` });
  if (extension === 'flv') {
    return flv(node, request, connection, name, query);
  }
  const entry = node.streams.get(name.key);
  if (!entry?.since) return missing(node);
  if (extension === 'ts') {
    const wanted = Number(number ?? -1);
    const last = lastSegment(node, entry);
    return wanted >= 0 && wanted <= last ? segment(node, wanted)
      : missing(node);
  }
  entry.bare = stream;
  return node.hlsCtx
    ? guarded(node, request, connection, name, entry, query)
    : playlist(node, entry);
}
