// Clients that a test makes appear: what comes over RTMP, SRT, HTTP-FLV, HLS or
// straight to SRS by WebRTC, with SRS's hooks in SRS's order.
import { randomWord } from './names.mjs';
import { admit, rtcClient } from './rtc.mjs';

// connects: on_connect and on_close are called. told: what follows on_connect
// and on_publish or on_play when they are denied.
const kinds = {
  'fmle-publish': {
    connects: true, tcUrl: (host, app) => `rtmp://${host}:1935/${app}`,
    told: { on_connect: ['on_close'], other: ['on_close'] },
    busy: ['on_close'],
  },
  'srt-publish': {
    connects: true, tcUrl: (host, app) => `srt://${host}/${app}`,
    told: { on_connect: [], other: ['on_close'] },
    busy: ['on_unpublish', 'on_close'],
  },
  'flv-play': {
    tcUrl: (host, app) => `http://${host}/${app}`,
    hookTcUrl: (vhost, app) => `rtmp://${vhost}/${app}`,
    told: { other: [] }, extension: '.flv',
  },
  // on_stop of a denied session comes some 2 * hls_window later
  'hls-play': {
    tcUrl: (host, app) => `http://${host}/${app}`,
    told: { other: [] }, extension: '.m3u8',
  },
};
kinds['rtmp-publish'] = kinds['fmle-publish'];
kinds['flash-publish'] = kinds['fmle-publish'];
kinds['haivision-publish'] = kinds['fmle-publish'];
kinds['rtmp-play'] = kinds['fmle-publish'];
kinds['srt-play'] = kinds['srt-publish'];

export function named({ vhost = '__defaultVhost__', app = 'live', stream }) {
  const dot = stream.lastIndexOf('.');
  const bare = dot < 0 ? stream : stream.slice(0, dot);
  const prefix = vhost === '__defaultVhost__' ? '' : vhost;
  return { vhost, app, stream, key: `${prefix}/${app}/${bare}` };
}

// Answers {client_id, allowed, denied?}: denied names the hook that said no,
// or "busy".
export async function appear(node, wanted) {
  const { type, param = '', ip = '127.0.0.1' } = wanted;
  const play = type.endsWith('-play');
  const name = named(wanted);
  const clientId = wanted.client_id ?? randomWord(8);
  if (type.startsWith('rtc-')) {
    if (!play && node.publisher(name.key)) {
      return { client_id: clientId, allowed: false, denied: 'busy' };
    }
    const client = rtcClient(play, name, {
      param, ip, clientId, id: `${randomWord(8)}:${randomWord(4)}`,
      token: randomWord(9),
    });
    const allowed = await admit(node, client);
    return {
      client_id: clientId, allowed,
      ...(allowed ? {} : { denied: play ? 'on_play' : 'on_publish' }),
    };
  }
  const kind = kinds[type];
  if (!kind) throw new Error(`no type ${type}`);
  const client = {
    type: type === 'rtmp-publish' ? 'fmle-publish' : type, play, ...name,
    name: name.stream, param, ip, clientId, connects: kind.connects ?? false,
    tcUrl: wanted.tcUrl ?? kind.tcUrl('127.0.0.1', name.app), media: false,
    hookTcUrl: kind.hookTcUrl?.(name.vhost, name.app),
    pageUrl: wanted.pageUrl ?? '', send: 0, recv: 0,
  };
  if (kind.extension) {
    const bare = name.key.slice(name.key.lastIndexOf('/') + 1);
    client.name = bare + kind.extension;
    client.stream = type === 'hls-play' ? client.name : bare;
  }
  const ask = (event) => node.hooks.ask(node.hookFields(client, event));
  const leave = async (denied, events) => {
    node.forget(client);
    for (const event of events) await ask(event);
    return { client_id: clientId, allowed: false, denied };
  };
  if (client.connects && !await ask('on_connect')) {
    return leave('on_connect', kind.told.on_connect);
  }
  if (client.connects) node.add(client);
  const event = play ? 'on_play' : 'on_publish';
  const taken = !play && node.publisher(client.key);
  if (!await ask(event)) return leave(event, kind.told.other);
  if (taken) return leave('busy', kind.busy);
  if (!client.connects) node.add(client);
  // kicked while its hook was being asked
  if (!node.live.has(client)) {
    return { client_id: clientId, allowed: false, denied: 'kick' };
  }
  node.begin(client);
  return { client_id: clientId, allowed: true };
}
