// One real nginx with both modules, on its own ports and directory.
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync,
  copyFileSync, existsSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { freePort, missing, nginxBinary, nodeModules, objs, root, rtmpModule,
  until } from './env.mjs';
import { Child, run } from './process.mjs';
import { User } from './rest.mjs';

// Lines of error.log that fail a test, whatever it was about.
const bad = /\[(emerg|alert)\]|Sanitizer|open socket #|exited on signal/;

export async function startProduct({
  workers = 2, keystone = '', http = '', rtc = 'return 404;', port,
  rtmp = '', live,
} = {}) {
  const gaps = missing();
  if (gaps.length) {
    throw new Error(gaps.map(([path, cure]) =>
      `${path} is not there: run ${cure}`).join('\n'));
  }
  const dir = mkdtempSync(`${tmpdir()}/keystone-e2e-`);
  for (const sub of ['hls/live', 'web']) {
    mkdirSync(`${dir}/${sub}`, { recursive: true });
  }
  copyFileSync(`${root}/web/index.html`, `${dir}/web/index.html`);
  copyFileSync(`${nodeModules}/node_modules/hls.js/dist/hls.min.js`,
    `${dir}/web/hls.min.js`);
  writeFileSync(`${dir}/web/blank.html`, '<!doctype html><title>.</title>');
  writeFileSync(`${dir}/secret`, randomBytes(32).toString('hex'));
  const values = {
    // as root the workers stay root, or the directory is closed to them
    user: process.getuid() === 0 ? 'user root;' : '',
    live: live ?? `keystone_gate hls;\n            root ${dir}/hls;`,
    dir, workers, keystone, http, rtc, rtmp, port: port ?? await freePort(),
    rtmp_port: await freePort(),
    load_modules: [rtmpModule, `${objs}/ngx_keystone_module.so`,
      `${objs}/ngx_rtmp_keystone_module.so`].map((m) =>
      `load_module ${m};`).join('\n'),
  };
  const template = readFileSync(`${root}/t/e2e/nginx.conf.tmpl`, 'utf8');
  const text = template.replace(/^#.*\n/gm, '').replace(/\$\{(\w+)\}/g,
    (_, name) => values[name]);
  writeFileSync(`${dir}/nginx.conf`, text);

  const product = new Product(dir, values);
  await product.start();
  return product;
}

// For one test: what fn throws is told, not what the stop then finds.
export async function withProduct(options, fn) {
  const product = await startProduct(options);
  try {
    await fn(product);
  } catch (error) {
    await product.stop().catch((e) => {
      error.message += `\n(then: ${e.message.slice(0, 400)})`;
    });
    throw error;
  }
  await product.stop();
}

class Product {
  constructor(dir, { port, rtmp_port: rtmpPort }) {
    this.dir = dir;
    this.port = port;
    this.rtmpPort = rtmpPort;
    this.base = `http://127.0.0.1:${port}`;
    this.rtmp = `rtmp://127.0.0.1:${rtmpPort}/live`;
    this.people = 0;
  }

  async start() {
    this.nginx = new Child(nginxBinary, ['-e', `${this.dir}/error.log`, '-p',
      this.dir, '-c', `${this.dir}/nginx.conf`], { limitMs: 600000 });
    try {
      await until('/healthz', async () => {
        if (this.nginx.done) throw new Error('nginx ended');
        return (await fetch(`${this.base}/healthz`)).ok;
      });
    } catch (error) {
      await this.nginx.stop('SIGKILL');
      throw new Error(`nginx did not start: ${error.message}\n${
        this.nginx.err}${this.log()}`);
    }
  }

  log() {
    const path = `${this.dir}/error.log`;
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  accessLog() { return readFileSync(`${this.dir}/access.log`, 'utf8'); }

  user() {
    this.people += 1;
    return User.register(this.base, `person${this.people}@example.org`);
  }

  get(path, options) { return fetch(`${this.base}${path}`, options); }

  // Process ids of the workers that take connections, not of those that drain.
  async workers() {
    const { out } = await run('ps', ['-o', 'pid=,args=', '--ppid',
      String(this.nginx.child.pid)]);
    return out.split('\n').filter((l) => l.includes('worker process') &&
      !l.includes('shutting down')).map((l) => parseInt(l, 10));
  }

  // Resolves once the new workers have taken over.
  async reload() {
    const before = await this.workers();
    this.nginx.child.kill('SIGHUP');
    await until('new workers, and none of the old', async () => {
      const now = await this.workers();
      return now.length >= before.length &&
        !now.some((pid) => before.includes(pid));
    }, { ms: 30000 });
  }

  // Ends nginx and says what it should not have logged.
  async stop({ signal = 'SIGTERM' } = {}) {
    const { code } = await this.nginx.stop(signal, 10000);
    const lines = this.log().split('\n').filter((l) => bad.test(l));
    if (process.env.KEYSTONE_KEEP) console.error(`kept: ${this.dir}`);
    else rmSync(this.dir, { recursive: true, force: true });
    if (lines.length) throw new Error(`in error.log:\n${lines.join('\n')}`);
    if (code !== 0) throw new Error(`nginx ended with ${code}`);
  }
}
