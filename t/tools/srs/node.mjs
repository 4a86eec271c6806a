// One SRS node: who is connected to it, and what it tells its hooks.
import { api } from './api.mjs';
import { capture } from './captures.mjs';
import { Hooks } from './hooks.mjs';
import { redirect } from './http.mjs';
import { parseQuery, randomWord } from './names.mjs';
import { offer, options, remove } from './rtc.mjs';

const rtc = [
  ['/rtc/v1/whip/', false], ['/rtc/v1/whep/', true],
  ['/rtc/v1/whip-play/', true],
];

export class Node {
  // mediaAfterMs: how long after its POST a WebRTC client is seen to send or
  // get media; Infinity for never. A WebRTC client without any ends after
  // stunTimeoutMs.
  constructor({
    flavour = 5, hooks, stunTimeoutMs = 30000, serverId, mediaAfterMs = 0,
    vhosts = [], hlsCtx = false, fragmentMs = 2000, segmentBytes = 9400,
  } = {}) {
    const dir = `srs${flavour}`;
    this.flavour = flavour;
    this.recorded = {
      publish: capture(`${dir}/whip/publish.201`).response,
      play: capture(`${dir}/whep/play.201`).response,
      idle: capture(`${dir}/whep/play.unpublished.201`).response,
      preflight: capture(`${dir}/whip/options.preflight.200`).response,
      versions: capture(`${dir}/api/versions.get`).response,
      summaries: capture(`${dir}/api/summaries.get`).response,
      streams: capture(`${dir}/api/streams.get`).response,
      clients: capture(`${dir}/api/clients.get`).response,
      vhosts: capture('srs5/api/vhosts.get').response,
      root: capture('srs5/whip/publish.path-uppercase.200-root').response,
      index: capture('srs5/api/unknown-path').response,
    };
    Object.assign(this, {
      stunTimeoutMs, mediaAfterMs, vhosts, hlsCtx, fragmentMs, segmentBytes,
    });
    this.serverHeader = this.recorded.publish.headers.at(-1)[1];
    this.hooks = new Hooks(hooks, this.serverHeader);
    const versions = JSON.parse(this.recorded.versions.body);
    this.serverId = serverId ?? versions.server;
    this.pid = versions.pid;
    this.reset();
  }

  // A new process: nothing of the old one is told to anybody.
  reset() {
    for (const client of this.live ?? []) this.forget(client);
    this.serviceId = randomWord(8);
    this.vhostId = `vid-${randomWord(7)}`;
    this.live = new Set();
    this.sessions = new Map(); // "ufrag:client ufrag" -> WebRTC client
    this.clients = new Map(); // client id -> client; a later one overwrites
    this.streams = new Map(); // key -> statistics entry
    this.ended = new Set(); // hls_ctx of players that were kicked
  }

  // --- HTTP

  async handle(request, connection) {
    const [path, ...rest] = request.target.split('?');
    const query = rest.join('?');
    if (path.includes('..') || /\s/.test(request.target)) return null;
    for (const [prefix, play] of rtc) {
      if (path + '/' === prefix) {
        return redirect(this, prefix + (query ? `?${query}` : ''));
      }
      if (!path.startsWith(prefix)) continue;
      const params = parseQuery(query);
      if (request.method === 'OPTIONS') return options(this, request);
      if (request.method === 'DELETE') return remove(this, request, params);
      return offer(this, request, connection, query, params,
        play || params.get('action') === 'play');
    }
    return api(this, request, path, query);
  }

  // The recorded header fields, in order, with some values replaced; the CORS
  // ones come when the request has an Origin.
  headers(recorded, request, replace = {}) {
    const plain = recorded.headers.filter(([k]) =>
      !k.startsWith('Access-Control-'))
      .map(([k, v]) => [k, replace[k] ?? v]);
    if (!request.header('origin')) return plain;
    const cors = this.recorded.preflight.headers.filter(([k]) =>
      k.startsWith('Access-Control-'));
    return [plain[0], ...cors, ...plain.slice(1)];
  }

  // --- who is connected

  // Who has the name: a WebRTC publisher from its POST on, others with media.
  publisher(key) {
    return [...this.live].find((c) => !c.play && c.key === key &&
      (c.media || c.id));
  }

  // Media of key is there to be played.
  active(key) {
    return this.publisher(key)?.media === true;
  }

  add(client) {
    client.since = Date.now();
    client.recv = 0;
    client.send = 0;
    if (!this.streams.has(client.key)) {
      this.streams.set(client.key, {
        id: `vid-${randomWord(7)}`, stream: client.name, app: client.app,
        key: client.key, tcUrl: client.tcUrl,
      });
    }
    if (client.id) this.sessions.set(client.id, client);
    this.live.add(client);
    this.clients.set(client.clientId, client);
  }

  // From now on the client's media moves.
  begin(client) {
    client.media = true;
    if (!client.play) {
      const entry = this.streams.get(client.key);
      entry.tcUrl = client.tcUrl;
      entry.since = Date.now(); // of its HLS files
      entry.ended = undefined;
    }
    clearTimeout(client.timer);
  }

  forget(client) {
    clearTimeout(client.timer);
    clearTimeout(client.mediaTimer);
    this.live.delete(client);
    if (this.sessions.get(client.id) === client) {
      this.sessions.delete(client.id);
    }
    if (this.clients.get(client.clientId) === client) {
      this.clients.delete(client.clientId);
    }
    const entry = this.streams.get(client.key);
    if (client.media && !client.play) entry.ended = Date.now();
    client.close?.();
  }

  // The client is gone; its last hooks follow, one after the other.
  async end(client) {
    if (!this.live.has(client)) return;
    this.forget(client);
    await this.hooks.ask(this.hookFields(client,
      client.play ? 'on_stop' : 'on_unpublish'));
    if (client.connects) {
      await this.hooks.ask(this.hookFields(client, 'on_close'));
    }
  }

  // The key order is SRS's.
  hookFields(client, action) {
    const fields = {
      server_id: this.serverId, service_id: this.serviceId, action,
      client_id: client.clientId, ip: client.ip, vhost: client.vhost,
      app: client.app,
    };
    if (action === 'on_close') {
      return {
        ...fields, send_bytes: client.send ?? 0, recv_bytes: client.recv ?? 0,
      };
    }
    const { stream, param } = client;
    const tcUrl = client.hookTcUrl ?? client.tcUrl;
    const pageUrl = client.pageUrl ?? '';
    if (action === 'on_connect') {
      return { ...fields, stream, param, tcUrl, pageUrl };
    }
    Object.assign(fields, action === 'on_play'
      ? { stream, tcUrl, param, pageUrl } : { tcUrl, stream, param });
    fields.stream_url = client.key;
    const entry = this.streams.get(client.key);
    if (entry && (client.media || action !== 'on_unpublish')) {
      fields.stream_id = entry.id;
    }
    return fields;
  }
}
