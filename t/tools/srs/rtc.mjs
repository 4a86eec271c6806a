// WHIP and WHEP as SRS has them: an offer, an answer, a DELETE, no PATCH.
import { response } from './http.mjs';
import { randomWord, streamOf } from './names.mjs';
import { answer, clientUfrag, refusal } from './sdp.mjs';

export function options(node, request) {
  return response('200 OK', node.headers(node.recorded.preflight, request));
}

// Nothing came by ICE for a while.
function expire(node, client) {
  client.timer = setTimeout(() => void node.end(client), node.stunTimeoutMs);
  client.timer.unref();
}

// The moment when ICE and DTLS are done.
export function connectLater(node, client) {
  if (node.mediaAfterMs === 0) {
    node.begin(client);
    return;
  }
  expire(node, client);
  if (!Number.isFinite(node.mediaAfterMs)) return;
  client.mediaTimer = setTimeout(() => node.begin(client), node.mediaAfterMs);
  client.mediaTimer.unref();
}

export function rtcClient(play, name, fields) {
  return {
    type: play ? 'rtc-play' : 'rtc-publish', play, ...name, name: name.stream,
    tcUrl: '', connected: true, media: false, ...fields,
  };
}

// A player exists only once the hook has agreed. A publisher exists before,
// and stays when the hook has not: the name is then taken until nothing has
// come by ICE for a while.
export async function admit(node, client) {
  if (!client.play) node.add(client);
  const agreed = await node.hooks.ask(node.hookFields(client,
    client.play ? 'on_play' : 'on_publish'));
  if (agreed) {
    if (client.play) node.add(client);
    if (node.live.has(client)) connectLater(node, client);
  } else if (!client.play) {
    client.connected = false;
    expire(node, client);
  }
  return agreed;
}

export async function offer(node, request, connection, query, params, play) {
  const sdp = request.body.toString();
  const name = streamOf(params, request.header('host'), node.vhosts);
  if (refusal(sdp, play) || name.app.includes('..')) return null;
  if (!play && node.publisher(name.key)) return null;
  const client = rtcClient(play, name, {
    param: query, clientId: connection.id,
    ip: request.header('x-forwarded-for')?.split(',')[0].trim() ??
      request.header('x-real-ip') ?? connection.ip.replace(/^::ffff:/, ''),
    ufrag: params.get('ice-ufrag') || randomWord(8),
    pwd: params.get('ice-pwd') || randomWord(32),
    token: randomWord(9), clientUfrag: clientUfrag(sdp),
  });
  client.id = `${client.ufrag}:${client.clientUfrag}`;
  if (!await admit(node, client)) return null;
  let recorded = node.recorded.publish;
  if (play) {
    recorded = node.publisher(name.key)
      ? node.recorded.play : node.recorded.idle;
  }
  const location = `/rtc/v1/whip/?action=delete&token=${client.token}` +
    `&app=${name.app}&stream=${name.stream}` +
    `&session=${client.ufrag}:${client.clientUfrag}`;
  return response('201 Created',
    node.headers(recorded, request, { Location: location }),
    answer(recorded.body.toString(), sdp, client));
}

export function remove(node, request, params) {
  const client = node.sessions.get(params.get('session'));
  if (client && client.token !== params.get('token')) return null;
  if (client) void node.end(client);
  return response('200 OK', node.headers({
    headers: [['Connection', 'Close'], ['Content-Length'],
      ['Server', node.serverHeader]],
  }, request));
}
