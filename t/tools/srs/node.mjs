// One SRS node as its HTTP API shows it: sessions, streams, clients.
import { capture } from './captures.mjs';
import { Hooks } from './hooks.mjs';
import { response } from './http.mjs';
import { parseQuery, randomWord, streamOf } from './names.mjs';
import { answer, clientUfrag, refusal } from './sdp.mjs';

const apis = [
  ['/rtc/v1/whip/', false], ['/rtc/v1/whep/', true],
  ['/rtc/v1/whip-play/', true],
];

export class Node {
  constructor({ flavour = 5, hooks, stunTimeoutMs = 30000, serverId } = {}) {
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
      root: capture('srs5/whip/publish.path-uppercase.200-root').response,
      index: capture('srs5/api/unknown-path').response,
    };
    this.serverHeader = this.recorded.publish.headers.at(-1)[1];
    this.hooks = new Hooks(hooks, this.serverHeader);
    this.stunTimeoutMs = stunTimeoutMs;
    const versions = JSON.parse(this.recorded.versions.body);
    this.serverId = serverId ?? versions.server;
    this.serviceId = randomWord(8);
    this.vhostId = `vid-${randomWord(7)}`;
    this.sessions = new Map(); // "ufrag:client ufrag" -> session
    this.clients = new Map(); // client id -> session; a later one overwrites
    this.streams = new Map(); // key -> statistics entry
  }

  // --- HTTP

  async handle(request, connection) {
    const [path, ...rest] = request.target.split('?');
    const query = rest.join('?');
    if (path.includes('..') || /\s/.test(request.target)) return null;
    for (const [prefix, play] of apis) {
      if (path + '/' === prefix) {
        return this.redirect(prefix + (query ? `?${query}` : ''));
      }
      if (!path.startsWith(prefix)) continue;
      const params = parseQuery(query);
      if (request.method === 'OPTIONS') return this.options(request);
      if (request.method === 'DELETE') return this.remove(request, params);
      return this.offer(request, connection, query, params,
        play || params.get('action') === 'play');
    }
    return this.api(request, path);
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

  json(request, body) {
    return response('200 OK', this.headers(this.recorded.versions, request),
      typeof body === 'string' ? body : JSON.stringify(body));
  }

  redirect(location) {
    const text = `Redirect to ${location}`;
    return response('302 Found', [
      ['Connection', 'Close'], ['Content-Type', 'text/plain; charset=utf-8'],
      ['Content-Length'], ['Location', location],
      ['Server', this.serverHeader],
    ], text);
  }

  options(request) {
    const fields = this.headers(this.recorded.preflight, request);
    return response('200 OK', fields);
  }

  // --- WHIP and WHEP

  async offer(request, connection, query, params, play) {
    const sdp = request.body.toString();
    const name = streamOf(params, request.header('host'));
    if (refusal(sdp, play) || name.app.includes('..')) return null;
    if (!play && this.publisher(name.key)) return null;
    const session = {
      play, ...name, param: query, connected: true,
      clientId: connection.id, since: Date.now(),
      ip: request.header('x-forwarded-for')?.split(',')[0].trim() ??
        request.header('x-real-ip') ?? connection.ip.replace(/^::ffff:/, ''),
      ufrag: params.get('ice-ufrag') || randomWord(8),
      pwd: params.get('ice-pwd') || randomWord(32),
      token: randomWord(9),
      clientUfrag: clientUfrag(sdp),
    };
    // A player exists only once the hook has agreed. A publisher exists
    // before, and stays when the hook has not: the name is then taken until
    // nothing has come by ICE for a while.
    if (!play) this.add(session);
    const agreed = await this.hooks.ask(this.hookFields(session,
      play ? 'on_play' : 'on_publish'));
    if (!agreed) {
      if (!play) {
        session.connected = false;
        session.timer = setTimeout(() => this.end(session),
          this.stunTimeoutMs);
        session.timer.unref();
      }
      return null;
    }
    if (play) this.add(session);
    let recorded = this.recorded.publish;
    if (play) {
      recorded = this.publisher(name.key)
        ? this.recorded.play : this.recorded.idle;
    }
    const location = `/rtc/v1/whip/?action=delete&token=${session.token}` +
      `&app=${name.app}&stream=${name.stream}` +
      `&session=${session.ufrag}:${session.clientUfrag}`;
    return response('201 Created',
      this.headers(recorded, request, { Location: location }),
      answer(recorded.body.toString(), sdp, session));
  }

  remove(request, params) {
    const session = this.sessions.get(params.get('session'));
    if (session && session.token !== params.get('token')) return null;
    if (session) this.end(session);
    return response('200 OK', this.headers({
      headers: [['Connection', 'Close'], ['Content-Length'],
        ['Server', this.serverHeader]],
    }, request));
  }

  publisher(key) {
    return [...this.sessions.values()].find((s) => !s.play && s.key === key);
  }

  add(session) {
    session.id = `${session.ufrag}:${session.clientUfrag}`;
    if (!this.streams.has(session.key)) {
      this.streams.set(session.key, { id: `vid-${randomWord(7)}`, ...session });
    }
    this.sessions.set(session.id, session);
    this.clients.set(session.clientId, session);
  }

  end(session) {
    if (!this.sessions.delete(session.id)) return;
    clearTimeout(session.timer);
    if (this.clients.get(session.clientId) === session) {
      this.clients.delete(session.clientId);
    }
    void this.hooks.ask(this.hookFields(session,
      session.play ? 'on_stop' : 'on_unpublish'));
  }

  // The key order is SRS's.
  hookFields(session, action) {
    const fields = {
      server_id: this.serverId, service_id: this.serviceId, action,
      client_id: session.clientId, ip: session.ip, vhost: session.vhost,
      app: session.app,
    };
    const stream = this.streams.get(session.key);
    if (action === 'on_play') {
      Object.assign(fields, {
        stream: session.stream, tcUrl: '', param: session.param, pageUrl: '',
      });
    } else {
      Object.assign(fields, {
        tcUrl: '', stream: session.stream, param: session.param,
      });
    }
    fields.stream_url = session.key;
    if (stream && (session.connected || action !== 'on_unpublish')) {
      fields.stream_id = stream.id;
    }
    return fields;
  }

  // --- API

  envelope(rest = {}) {
    const pid = JSON.parse(this.recorded.versions.body).pid;
    return {
      code: 0, server: this.serverId, service: this.serviceId, pid, ...rest,
    };
  }

  api(request, path) {
    const list = /^\/api\/v1\/(clients|streams)(\/(.*))?$/.exec(path);
    if (list) {
      if (list[2] === undefined) return this.redirect(`/api/v1/${list[1]}/`);
      return this.collection(request, list[1], list[3]);
    }
    for (const call of ['versions', 'summaries']) {
      if (path !== `/api/v1/${call}`) continue;
      return this.json(request, this.recorded[call].body.toString()
        .replace(/"server":"[^"]*"/, `"server":"${this.serverId}"`)
        .replace(/"service":"[^"]*"/, `"service":"${this.serviceId}"`));
    }
    const { urls, tests } = JSON.parse(path.startsWith('/api/v1/')
      ? this.recorded.index.body : this.recorded.root.body);
    return this.json(request, this.envelope({ urls, tests }));
  }

  collection(request, kind, id) {
    const unknown = { code: kind === 'clients' ? 2049 : 2048 };
    if (request.method === 'DELETE' && kind === 'clients') {
      const session = this.clients.get(id);
      if (!session) return this.json(request, unknown);
      this.end(session);
      return this.json(request, this.envelope());
    }
    const one = kind.slice(0, -1);
    const all = kind === 'clients' ? this.clientRows() : this.streamRows();
    if (!id) return this.json(request, this.envelope({ [kind]: all }));
    const found = all.find((row) => row.id === id);
    return this.json(request,
      found ? this.envelope({ [one]: found }) : unknown);
  }

  clientRows() {
    const model = JSON.parse(this.recorded.clients.body).clients.find((c) =>
      c.type === 'rtc-publish');
    return [...this.clients.values()].map((s) => ({
      ...model, id: s.clientId, vhost: this.vhostId,
      stream: this.streams.get(s.key).id, ip: s.ip, url: s.key, name: s.stream,
      type: s.play ? 'rtc-play' : 'rtc-publish', publish: !s.play,
      alive: (Date.now() - s.since) / 1000,
    })).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  streamRows() {
    const model = JSON.parse(this.recorded.streams.body).streams.find((s) =>
      s.tcUrl === '');
    return [...this.streams.values()].map((entry) => {
      const publisher = this.publisher(entry.key);
      const clients = [...this.sessions.values()].filter((s) =>
        s.key === entry.key).length;
      return {
        ...model, id: entry.id, name: entry.stream, vhost: this.vhostId,
        app: entry.app, url: entry.key, live_ms: Date.now(), clients,
        publish: publisher
          ? { active: true, cid: publisher.clientId } : { active: false },
      };
    }).sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}
