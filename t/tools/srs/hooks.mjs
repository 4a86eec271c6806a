// SRS's HTTP callbacks: the same bytes, one connection per call, no retry, and
// its narrow idea of what "yes" looks like.
import net from 'node:net';

const limitMs = 30000;

function send(url, text, agent) {
  return new Promise((resolve) => {
    const socket = net.connect(Number(url.port || 80), url.hostname);
    const chunks = [];
    const done = () => {
      socket.destroy();
      resolve(Buffer.concat(chunks).toString('latin1'));
    };
    const complete = () => {
      const got = Buffer.concat(chunks).toString('latin1');
      const end = got.indexOf('\r\n\r\n');
      if (end < 0) return false;
      const head = got.slice(0, end);
      const length = /^content-length: *(\d+)/im.exec(head)?.[1];
      const body = got.slice(end + 4);
      if (length !== undefined) return body.length >= Number(length);
      return /^transfer-encoding: *chunked/im.test(head) &&
        body.endsWith('0\r\n\r\n');
    };
    socket.setTimeout(limitMs, done);
    socket.on('error', done);
    socket.on('close', done);
    socket.on('data', (data) => {
      chunks.push(data);
      if (complete()) done();
    });
    socket.write([
      `POST ${url.pathname}${url.search} HTTP/1.1`,
      'Connection: Keep-Alive',
      `Content-Length: ${Buffer.byteLength(text)}`,
      'Content-Type: application/json',
      `Host: ${url.host}`,
      `User-Agent: ${agent}`,
      '', text,
    ].join('\r\n'));
  });
}

function dechunk(body) {
  let out = '';
  let at = 0;
  for (;;) {
    const eol = body.indexOf('\r\n', at);
    const size = parseInt(body.slice(at, eol), 16);
    if (eol < 0 || !(size > 0)) return out;
    out += body.slice(eol + 2, eol + 2 + size);
    at = eol + 2 + size + 2;
  }
}

export function allows(answer) {
  const end = answer.indexOf('\r\n\r\n');
  if (!/^HTTP\/1\.[01] (200|201)\b/.test(answer) || end < 0) return false;
  let body = answer.slice(end + 4);
  if (/^transfer-encoding: *chunked/im.test(answer.slice(0, end))) {
    body = dechunk(body);
  }
  if (body === '0') return true;
  try {
    const json = JSON.parse(body);
    return !Array.isArray(json) && json?.code === 0 &&
      /"code"\s*:\s*-?0\s*[,}]/.test(body);
  } catch {
    return false;
  }
}

// template: a URL with {event} in it, or one to which /<event> is added.
export class Hooks {
  constructor(template, agent) {
    this.template = template;
    this.agent = agent;
    this.calls = [];
    this.plans = []; // {events?, times, lose} or {events?, times, ms}
  }

  url(event) {
    if (this.template.includes('{event}')) {
      return new URL(this.template.replaceAll('{event}', event));
    }
    const url = new URL(this.template);
    url.pathname = `${url.pathname.replace(/\/$/, '')}/${event}`;
    return url;
  }

  // What shall happen to coming calls of these events (all, without events).
  plan({ events, times = 1, ...what }) {
    this.plans.push({ events, times, ...what });
  }

  planned(event) {
    const plan = this.plans.find((p) => p.events?.includes(event) ?? true);
    if (!plan) return {};
    plan.times -= 1;
    if (plan.times <= 0) this.plans.splice(this.plans.indexOf(plan), 1);
    return plan;
  }

  // true: go on. A hook that is not configured says yes, and so does one that
  // a test has lost.
  async ask(fields) {
    if (!this.template) return true;
    const { lose, ms } = this.planned(fields.action);
    if (lose) {
      this.calls.push({ at: Date.now(), fields, lost: true, allowed: true });
      return true;
    }
    if (ms) await new Promise((done) => setTimeout(done, ms));
    return (await this.send(fields)).allowed;
  }

  async send(fields) {
    const call = { at: Date.now(), fields };
    this.calls.push(call);
    call.answer = await send(this.url(fields.action), JSON.stringify(fields),
      this.agent);
    call.allowed = allows(call.answer);
    return call;
  }
}
