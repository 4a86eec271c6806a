// Where things are, and small helpers for waiting.
import { existsSync } from 'node:fs';
import net from 'node:net';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)),
  '../../..');
export const build = process.env.BUILD || `${root}/build`;

// The same names as for Test::Nginx (t/lib/Keystone/Env.pm).
export const objs = process.env.KEYSTONE_OBJS || `${build}/nginx/system/objs`;
export const nginxBinary = process.env.TEST_NGINX_BINARY || '/usr/sbin/nginx';
export const rtmpModule = process.env.KEYSTONE_RTMP_MODULE ||
  '/usr/lib/nginx/modules/ngx_rtmp_module.so';
export const driver = `${build}/tools/rtmp_driver`;
export const nodeModules = `${build}/e2e`;

export function missing() {
  return [
    [`${objs}/ngx_keystone_module.so`, 'make module'],
    [`${objs}/ngx_rtmp_keystone_module.so`, 'make module'],
    [rtmpModule, 'apt-get install libnginx-mod-rtmp'],
    [nginxBinary, 'apt-get install nginx'],
    [driver, 'make -C t/tools'],
    [`${nodeModules}/node_modules/playwright-core`, 't/e2e/run'],
  ].filter(([path]) => !existsSync(path));
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// The first true value of probe(), or an error that says what never came.
export async function until(what, probe, { ms = 10000, every = 25 } = {}) {
  const end = Date.now() + ms;
  let last;
  for (;;) {
    try {
      last = await probe();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) {
      throw new Error(`waited ${ms} ms in vain for ${what}; last: ${
        last instanceof Error ? last.message : JSON.stringify(last)}`);
    }
    await sleep(every);
  }
}

const given = new Set();

// A port of 127.0.0.1 below those the kernel gives to clients.
export async function freePort() {
  for (;;) {
    const port = 10240 + Math.floor(Math.random() * 22000);
    if (given.has(port)) continue;
    const free = await new Promise((resolve) => {
      const server = net.createServer();
      server.on('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() =>
        resolve(true)));
    });
    if (free) {
      given.add(port);
      return port;
    }
  }
}
