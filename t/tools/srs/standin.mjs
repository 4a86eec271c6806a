// The node on its ports, a record of what it was asked, and one port more where
// a test says what shall happen: see control.mjs.
import net from 'node:net';
import { control } from './control.mjs';
import { response, serve } from './http.mjs';
import { media } from './http_server.mjs';
import { randomWord } from './names.mjs';
import { Node } from './node.mjs';

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

function listen(server, port) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
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

export async function start({
  port = 0, controlPort = 0, httpPort = 0, ...options
} = {}) {
  const node = new Node(options);
  const state = { requests: [], files: [], plans: [] };

  // record: where it is noted down; handler: who answers.
  const handle = (record, handler) => async (request, connection) => {
    record.push({
      at: Date.now(), method: request.method, target: request.target,
      headers: request.headers, body: request.body.toString(),
      raw: request.raw.toString('base64'), client: connection.id,
    });
    const line = `${request.method} ${request.target}`;
    const plan = state.plans.find((p) => line.startsWith(p.match ?? ''));
    const answer = () => handler(request, connection);
    if (!plan) return answer();
    plan.times -= 1;
    if (plan.times <= 0) state.plans.splice(state.plans.indexOf(plan), 1);
    return fail(plan, request, connection, answer);
  };

  const id = () => randomWord(8);
  const open = [
    {
      make: () => serve(handle(state.requests,
        (...args) => node.handle(...args)), { id }),
    },
    {
      make: () => serve(handle(state.files,
        (...args) => media(node, ...args)), { id }),
    },
  ];
  async function raise() {
    for (const door of open) {
      if (door.server) continue;
      const server = door.make();
      door.sockets = new Set();
      server.on('connection', (socket) => {
        door.sockets.add(socket);
        socket.on('close', () => door.sockets.delete(socket));
      });
      door.port = await listen(server, door.port ?? 0);
      door.server = server;
    }
  }
  // The process has died: no answer, no hook, everybody gone.
  function fall() {
    for (const door of open) {
      door.server?.close();
      door.server = null;
      for (const socket of door.sockets ?? []) socket.destroy();
    }
    node.reset();
  }

  open[0].port = port;
  open[1].port = httpPort;
  await raise();
  const controlServer = control(node, state, {
    raise, fall,
    async restart() {
      fall();
      node.pid = String(Number(node.pid) + 1);
      await raise();
    },
  });
  const controlSockets = new Set();
  controlServer.on('connection', (socket) => {
    controlSockets.add(socket);
    socket.on('close', () => controlSockets.delete(socket));
  });
  return {
    node,
    ...state,
    port: open[0].port,
    httpPort: open[1].port,
    controlPort: await listen(controlServer, controlPort),
    raise,
    fall,
    stop() {
      fall();
      controlServer.close();
      for (const socket of controlSockets) socket.destroy();
    },
  };
}

export const connect = (port) => net.connect(port, '127.0.0.1');
