// SRS's HTTP API: lists, look-ups and the kick. Every answer is 200.
import { redirect, response } from './http.mjs';
import { parseQuery } from './names.mjs';

const unknown = { clients: 2049, streams: 2048, vhosts: 2047 };

function envelope(node, rest = {}) {
  return {
    code: 0, server: node.serverId, service: node.serviceId, pid: node.pid,
    ...rest,
  };
}

const traffic = (send, recv) => ({
  send_bytes: send, recv_bytes: recv, kbps: { recv_30s: 0, send_30s: 0 },
});

export function clientRows(node) {
  return [...node.clients.values()].map((c) => ({
    id: c.clientId, vhost: node.vhostId, stream: node.streams.get(c.key).id,
    ip: c.ip, pageUrl: c.pageUrl ?? '', swfUrl: '', tcUrl: c.tcUrl, url: c.key,
    name: c.name, type: c.type, publish: !c.play,
    alive: (Date.now() - c.since) / 1000, ...traffic(c.send, c.recv),
  })).sort((a, b) => (a.id < b.id ? -1 : 1));
}

export function streamRows(node) {
  const model = JSON.parse(node.recorded.streams.body).streams.find((s) =>
    s.tcUrl === '');
  return [...node.streams.values()].map((entry) => {
    const clients = [...node.live].filter((c) => c.key === entry.key);
    const sum = (field) => clients.reduce((n, c) => n + c[field], 0);
    const active = node.active(entry.key);
    return {
      id: entry.id, name: entry.stream, vhost: node.vhostId, app: entry.app,
      tcUrl: entry.tcUrl, url: entry.key, live_ms: Date.now(),
      clients: clients.length, frames: 0,
      ...traffic(sum('send'), sum('recv')),
      publish: active
        ? { active, cid: node.publisher(entry.key).clientId } : { active },
      video: active ? model.video : null, audio: active ? model.audio : null,
    };
  }).sort((a, b) => (a.id < b.id ? -1 : 1));
}

function vhostRows(node) {
  const model = JSON.parse(node.recorded.vhosts.body).vhosts
    .find((v) => v.name === '__defaultVhost__');
  return [{
    ...model, id: node.vhostId, clients: node.clients.size,
    streams: node.streams.size,
  }];
}

const rows = { clients: clientRows, streams: streamRows, vhosts: vhostRows };

// Below ten, or none: ten. Ordered by id, from number start on.
function page(all, params) {
  const number = (name) => parseInt(params.get(name) ?? '', 10) || 0;
  const start = Math.max(0, number('start'));
  return all.slice(start, start + Math.max(10, number('count')));
}

function collection(node, kind, id, params, method) {
  if (method === 'DELETE' && kind === 'clients') {
    const client = node.clients.get(id);
    if (!client) return { code: unknown.clients };
    void node.end(client);
    return envelope(node);
  }
  const all = rows[kind](node);
  if (!id) return envelope(node, { [kind]: page(all, params) });
  const found = all.find((row) => row.id === id);
  return found ? envelope(node, { [kind.slice(0, -1)]: found })
    : { code: unknown[kind] };
}

function content(node, path, params, method) {
  const list = /^\/api\/v1\/(clients|streams|vhosts)\/(.*)$/.exec(path);
  if (list) return collection(node, list[1], list[2], params, method);
  const recorded = /^\/api\/v1\/(versions|summaries)$/.exec(path);
  if (recorded) {
    return node.recorded[recorded[1]].body.toString()
      .replace(/"server":"[^"]*"/, `"server":"${node.serverId}"`)
      .replace(/"service":"[^"]*"/, `"service":"${node.serviceId}"`)
      .replace(/"pid":"[^"]*"/, `"pid":"${node.pid}"`);
  }
  const { urls, tests } = JSON.parse(path.startsWith('/api/v1/')
    ? node.recorded.index.body : node.recorded.root.body);
  return envelope(node, { urls, tests });
}

export function api(node, request, path, query) {
  if (/^\/api\/v1\/(clients|streams|vhosts)$/.test(path)) {
    return redirect(node, `${path}/`);
  }
  const params = parseQuery(query);
  // JSONP: whoever may GET may do anything
  const callback = params.get('callback');
  const method = (callback && params.get('method')) || request.method;
  const value = content(node, path, params, method);
  let body = typeof value === 'string' ? value : JSON.stringify(value);
  let fields = node.headers(node.recorded.versions, request);
  if (callback) {
    body = `${callback}(${body})`;
    fields = fields.map(([k, v]) =>
      [k, k === 'Content-Type' ? 'text/javascript' : v]);
  }
  return response('200 OK', fields, body);
}
