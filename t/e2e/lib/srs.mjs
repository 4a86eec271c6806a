// A node behind Keystone with its hooks: SRS itself, run by srs/start from
// srs/srs.conf, when SRS_BIN names its binary; else the stand-in.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { capture } from '../../tools/srs/captures.mjs';
import { appear } from '../../tools/srs/clients.mjs';
import { start } from '../../tools/srs/standin.mjs';
import { freePort, root, until } from './env.mjs';
import { Child } from './process.mjs';
import { startProduct } from './product.mjs';

export const realSrs = process.env.SRS_BIN;

// SRS turns RTMP into WebRTC when it was built to.
const built = (option) => Boolean(realSrs) &&
  readFileSync(realSrs).includes(option);
export const bridging = Boolean(realSrs) && !built('--ffmpeg-fit=off');
export const hasSrt = built('--srt=on');

// A piece of the configuration that the documentation shows.
function documented(pattern) {
  const found = pattern.exec(readFileSync(`${root}/docs/deployment-srs.md`,
    'utf8'));
  if (!found) throw new Error(`docs/deployment-srs.md lacks ${pattern}`);
  return found[1];
}

const json = async (url, options) => (await fetch(url, options)).json();

class Node {
  constructor(name, secret, hookUrl) {
    Object.assign(this, { name, secret, hookUrl });
    this.cache = mkdtempSync(`${tmpdir()}/keystone-cache-`);
  }

  get api() { return `http://127.0.0.1:${this.apiPort}`; }

  forget() { rmSync(this.cache, { recursive: true, force: true }); }

  // What SRS says is connected, and what it says is published.
  async clients() {
    return (await json(`${this.api}/api/v1/clients/?count=1000`)).clients;
  }

  async streams() {
    return (await json(`${this.api}/api/v1/streams/?count=1000`)).streams;
  }

  async of(stream, type) {
    return (await this.clients()).filter((c) =>
      c.url === `/live/${stream.id}` && (!type || c.type === type));
  }

  // Somebody who found SRS's own port.
  offer(kind, stream, query = '') {
    const name = kind === 'whip' ? 'whip/publish.201' : 'whep/play.201';
    return fetch(`${this.api}/rtc/v1/${kind}/?app=live&stream=${stream.id}${
      query}`, {
      method: 'POST', headers: { 'Content-Type': 'application/sdp' },
      body: capture(`srs5/${name}`).request.body,
    });
  }
}

class StandIn extends Node {
  async start(options) {
    this.standin = await start({
      serverId: this.name, stunTimeoutMs: 15000,
      hooks: `${this.hookUrl}/{event}?k=${this.secret}&node=${this.name}`,
      ...options,
    });
    this.apiPort = this.standin.port;
    this.httpPort = this.standin.httpPort;
  }

  // ffmpeg's place: {client_id, allowed, denied?}
  appear(wanted) { return appear(this.standin.node, wanted); }

  async restart() {
    this.standin.fall();
    await this.standin.raise();
  }

  stop() {
    this.standin?.stop();
    this.forget();
  }
}

class RealSrs extends Node {
  async start() {
    this.dir = mkdtempSync(`${tmpdir()}/keystone-srs-`);
    for (const name of ['api', 'http', 'rtmp', 'rtc', 'srt']) {
      this[`${name}Port`] = await freePort();
    }
    await this.run();
  }

  async run() {
    this.child = new Child(`${root}/srs/start`, [realSrs], {
      cwd: this.dir, limitMs: 600000,
      env: {
        ...process.env, HOOK_SECRET: this.secret, HOOK_URL: this.hookUrl +
          '/srs', SRS_SERVER_ID: this.name, CANDIDATE: '127.0.0.1',
        SRS_LISTEN: `127.0.0.1:${this.rtmpPort}`,
        SRS_HTTP_API_LISTEN: `127.0.0.1:${this.apiPort}`,
        SRS_HTTP_SERVER_LISTEN: `127.0.0.1:${this.httpPort}`,
        SRS_RTC_SERVER_LISTEN: `${this.rtcPort}`,
        SRS_SRT_SERVER_LISTEN: `${this.srtPort}`,
        SRS_SRT_SERVER_ENABLED: hasSrt ? 'on' : 'off',
      },
    });
    await until('SRS', async () => (await fetch(
      `${this.api}/api/v1/versions`)).ok).catch((error) => {
      throw new Error(`${error.message}\n${this.child.out}${this.child.err}`);
    });
  }

  rtmp(stream, key) {
    return `rtmp://127.0.0.1:${this.rtmpPort}/live/${stream.id}?key=${key}`;
  }

  // ffmpeg's options for SRT, and the address
  srt(stream, key) {
    return [`srt://127.0.0.1:${this.srtPort}`, ['-f', 'mpegts',
      '-srt_streamid', `#!::r=live/${stream.id},m=publish,key=${key}`]];
  }

  // as a crash: no goodbye to anybody
  async restart() {
    await this.child.stop('SIGKILL');
    await this.run();
  }

  // The machine is gone.
  die() { return this.child.stop('SIGKILL'); }

  async stop() {
    await this.child?.stop('SIGTERM', 3000);
    this.forget();
    if (this.dir) rmSync(this.dir, { recursive: true, force: true });
  }
}

// {srs, nodes, product, owner, stop}: so many nodes, the first of which is srs,
// Keystone in front of them, and somebody with an account.
export async function startPair({ count = 1, standin = {} } = {}) {
  const port = await freePort();
  const secret = randomBytes(18).toString('hex');
  const Kind = realSrs ? RealSrs : StandIn;
  const nodes = [...'abcdefgh'].slice(0, count).map((letter) =>
    new Kind(`srs_${letter}`, secret, `http://127.0.0.1:${port}/api/v1/hooks`));
  const stopNodes = () => Promise.all(nodes.map((n) => n.stop()));
  const each = (text) => nodes.map(text).join('\n    ');
  try {
    for (const node of nodes) await node.start(standin);
    const product = await startProduct({
      port,
      keystone: `hook_secret ${secret};
    ${each((n) => `srs_node ${n.name} api=127.0.0.1:${n.apiPort}${
    n.rtmpPort ? ` rtmp=127.0.0.1:${n.rtmpPort}` : ''};`)}`,
      rtmp: realSrs ? 'keystone_relay on;' : '',
      http: `${each((n) => `upstream ${n.name} {
        server 127.0.0.1:${n.apiPort}; }
    upstream ${n.name}_http { server 127.0.0.1:${n.httpPort}; }`)}
    ${documented(/^\s+(proxy_cache_path .*?;)/ms)
    .replace('/var/cache/nginx/live', nodes[0].cache)}`,
      live: documented(/^ {8}location \/live\/ \{(.*?)^ {8}\}/ms),
      rtc: documented(
        /^ {8}location \/rtc\/v1\/ \{\s+keystone_gate rtc;(.*?)^ {8}\}/ms),
    });
    return {
      srs: nodes[0], nodes, product, owner: await product.user(),
      async stop() {
        try {
          await product.stop();
        } finally {
          await stopNodes();
        }
      },
    };
  } catch (error) {
    await stopNodes();
    throw error;
  }
}
