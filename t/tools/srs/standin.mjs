// The node on a port, a record of what it was asked, and a second port where a
// test says what shall go wrong next:
//
//   GET    /requests  what came: {method, target, headers, body, raw, client}
//   DELETE /requests  forget it
//   GET    /sessions  live sessions
//   GET    /hooks     hook calls made and how they were answered
//   POST   /next      {match?: "METHOD /path prefix", action, times?, ...}
//                     close | reset | hang | slow {ms} | status {status, body}
//                     | garbage | truncate
//   POST   /drop      {client_id}: that client's media stops (DTLS close)
import http from 'node:http';
import net from 'node:net';
import { response, serve } from './http.mjs';
import { randomWord } from './names.mjs';
import { Node } from './node.mjs';

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

function listen(server, port) {
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server.address().port));
  });
}

// Carries out a planned failure. Returns what serve() takes.
async function fail(plan, request, connection, answer) {
  switch (plan.action) {
    case 'close':
      return null;
    case 'reset':
      connection.socket.resetAndDestroy();
      return undefined;
    case 'hang':
      return undefined;
    case 'slow':
      await wait(plan.ms ?? 1000);
      return answer();
    case 'status':
      return response(`${plan.status ?? 500} Planned`, [
        ['Connection', 'Close'], ['Content-Type', 'text/plain'],
        ['Content-Length'],
      ], plan.body ?? '');
    case 'garbage':
      return Buffer.from('220 not what you expected\r\n');
    case 'truncate': {
      const whole = await answer();
      connection.socket.end(whole?.subarray(0, whole.length - 100));
      return undefined;
    }
    default:
      throw new Error(`no action ${plan.action}`);
  }
}

function control(node, state) {
  return http.createServer(async (request, answer) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const say = (status, value) => {
      answer.writeHead(status, { 'Content-Type': 'application/json' });
      answer.end(JSON.stringify(value ?? null));
    };
    try {
      switch (`${request.method} ${request.url}`) {
        case 'GET /requests':
          return say(200, state.requests);
        case 'DELETE /requests':
          state.requests.length = 0;
          return say(200);
        case 'GET /sessions':
          return say(200, [...node.sessions.values()].map((s) => ({
            id: s.id, key: s.key, play: s.play, client_id: s.clientId,
            ip: s.ip, param: s.param, token: s.token, connected: s.connected,
          })));
        case 'GET /hooks':
          return say(200, node.hooks.calls);
        case 'POST /next':
          state.plans.push({ times: 1, ...JSON.parse(text) });
          return say(200);
        case 'POST /drop': {
          const session = node.clients.get(JSON.parse(text).client_id);
          if (session) node.end(session);
          return say(session ? 200 : 404);
        }
        default:
          return say(404);
      }
    } catch (error) {
      return say(400, { error: error.message });
    }
  });
}

export async function start({ port = 0, controlPort = 0, ...options } = {}) {
  const node = new Node(options);
  const state = { requests: [], plans: [] };

  async function handle(request, connection) {
    state.requests.push({
      at: Date.now(), method: request.method, target: request.target,
      headers: request.headers, body: request.body.toString(),
      raw: request.raw.toString('base64'), client: connection.id,
    });
    const line = `${request.method} ${request.target}`;
    const plan = state.plans.find((p) => line.startsWith(p.match ?? ''));
    const answer = () => node.handle(request, connection);
    if (!plan) return answer();
    plan.times -= 1;
    if (plan.times <= 0) state.plans.splice(state.plans.indexOf(plan), 1);
    return fail(plan, request, connection, answer);
  }

  const server = serve(handle, { id: () => randomWord(8) });
  const controlServer = control(node, state);
  const sockets = new Set();
  for (const s of [server, controlServer]) {
    s.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
  }
  return {
    node,
    ...state,
    port: await listen(server, port),
    controlPort: await listen(controlServer, controlPort),
    stop() {
      server.close();
      controlServer.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

export const connect = (port) => net.connect(port, '127.0.0.1');
