// What a test may ask of the stand-in:
//
//   GET    /requests  what came to the API: {method, target, headers, body,
//                     raw, client}
//   GET    /files     what came to the port with HLS and FLV, alike
//   DELETE /requests  forget both
//   GET    /counts    {"METHOD target": times} of both
//   GET    /sessions  who is connected
//   GET    /hooks     hook calls made and how they were answered
//   POST   /next      {match?: "METHOD /path prefix", action, times?, ...}
//                     close | reset | hang | slow {ms} | status {status, body}
//                     | garbage | truncate
//   POST   /client    {type, stream, app?, vhost?, param?, ip?, tcUrl?,
//                     client_id?}: a client of one of SRS's types appears;
//                     answers {client_id, allowed, denied?}
//   POST   /drop      {client_id}: that client goes, with its hooks
//   POST   /media     {client_id, bytes}: its media moves on; the first makes
//                     a WebRTC client connected
//   POST   /media-after {ms}: for WebRTC clients to come; null is never
//   POST   /lose-hooks  {events?, times?}: these are not sent
//   POST   /delay-hooks {events?, times?, ms}: these are sent later
//   POST   /replay    {call, changes?}: hook call number `call` once more
//   POST   /hook      fields of a hook of any kind, sent with this node's ids
//   POST   /set-hooks {url}: where hooks go from now on
//   POST   /restart   a new process: new service_id, everybody gone, no hooks
//   POST   /down, /up the process dies; a new one on the same ports
import http from 'node:http';
import { appear } from './clients.mjs';

const shown = (c) => ({
  id: c.id, type: c.type, key: c.key, play: c.play, client_id: c.clientId,
  ip: c.ip, param: c.param, token: c.token, connected: c.connected,
  media: c.media,
});

function routes(node, state, process) {
  const known = (client_id, use) => {
    const client = node.clients.get(client_id);
    if (!client) return [404, { error: `no client ${client_id}` }];
    use(client);
    return [200];
  };
  const done = async (work) => {
    await work;
    return [200];
  };
  return {
    'GET /requests': () => [200, state.requests],
    'GET /files': () => [200, state.files],
    'DELETE /requests': () => {
      state.requests.length = 0;
      state.files.length = 0;
      return [200];
    },
    'GET /counts': () => {
      const counts = {};
      for (const { method, target } of [...state.requests, ...state.files]) {
        counts[`${method} ${target}`] = (counts[`${method} ${target}`] ?? 0) + 1;
      }
      return [200, counts];
    },
    'GET /sessions': () => [200, [...node.live].map(shown)],
    'GET /hooks': () => [200, node.hooks.calls],
    'POST /next': (plan) => {
      state.plans.push({ times: 1, ...plan });
      return [200];
    },
    'POST /client': async (wanted) => [200, await appear(node, wanted)],
    'POST /drop': ({ client_id }) =>
      known(client_id, (client) => void node.end(client)),
    'POST /media': ({ client_id, bytes }) => known(client_id, (client) => {
      if (!client.media) node.begin(client);
      client[client.play ? 'send' : 'recv'] += bytes;
    }),
    'POST /media-after': ({ ms }) => {
      node.mediaAfterMs = ms ?? Infinity;
      return [200];
    },
    'POST /lose-hooks': (plan) => {
      node.hooks.plan({ ...plan, lose: true });
      return [200];
    },
    'POST /delay-hooks': (plan) => {
      node.hooks.plan(plan);
      return [200];
    },
    'POST /replay': async ({ call, changes }) => {
      const { fields } = node.hooks.calls[call];
      return [200, await node.hooks.send({ ...fields, ...changes })];
    },
    'POST /hook': async (fields) => [200, await node.hooks.send({
      server_id: node.serverId, service_id: node.serviceId, ...fields,
    })],
    'POST /set-hooks': ({ url }) => {
      node.hooks.template = url;
      return [200];
    },
    'POST /restart': () => done(process.restart()),
    'POST /down': () => done(process.fall()),
    'POST /up': () => done(process.raise()),
  };
}

export function control(node, state, process) {
  const table = routes(node, state, process);
  return http.createServer(async (request, answer) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const say = (status, value) => {
      answer.writeHead(status, { 'Content-Type': 'application/json' });
      answer.end(JSON.stringify(value ?? null));
    };
    const route = table[`${request.method} ${request.url}`];
    if (!route) return say(404, { error: `no ${request.url} here` });
    try {
      const text = Buffer.concat(chunks).toString();
      return say(...await route(text ? JSON.parse(text) : {}));
    } catch (error) {
      return say(400, { error: error.message });
    }
  });
}
