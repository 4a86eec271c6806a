// An SRS to talk to: the stand-in, or a real one when SRS_BIN names its binary.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { start } from '../../tools/srs/standin.mjs';
import { freePort, until } from './env.mjs';
import { Child } from './process.mjs';

export const realSrs = process.env.SRS_BIN;

// The directives that make this node the product's.
const directives = (port) => ({
  keystone: `srs_node srs_a api=127.0.0.1:${port};`,
  http: `upstream srs_a { server 127.0.0.1:${port}; }`,
  // as in nginx.conf.example
  rtc: `proxy_pass http://$keystone_node$keystone_upstream_uri;
    proxy_set_header Host 127.0.0.1;
    proxy_set_header Authorization "";
    proxy_set_header Cookie "";
    proxy_set_header X-Forwarded-For $remote_addr;`,
});

export async function startStandin(options) {
  const srs = await start(options);
  return {
    ...directives(srs.port),
    requests: srs.requests,
    plans: srs.plans,
    sessions: () => [...srs.node.sessions.values()],
    stop: () => srs.stop(),
  };
}

export async function startRealSrs() {
  const dir = mkdtempSync(`${tmpdir()}/keystone-srs-`);
  const [api, http, rtmp, rtc] = [await freePort(), await freePort(),
    await freePort(), await freePort()];
  writeFileSync(`${dir}/srs.conf`, `
listen 127.0.0.1:${rtmp};
daemon off; srs_log_tank console; pid ${dir}/srs.pid; max_connections 200;
http_api { enabled on; listen 127.0.0.1:${api}; }
http_server { enabled on; listen 127.0.0.1:${http}; dir ${dir}; }
rtc_server { enabled on; listen ${rtc}; candidate 127.0.0.1;
             api_as_candidates off; }
vhost __defaultVhost__ { rtc { enabled on; rtmp_to_rtc on; rtc_to_rtmp on; } }
`);
  const child = new Child(realSrs, ['-c', `${dir}/srs.conf`],
    { cwd: dir, limitMs: 600000 });
  await until('SRS', async () => (await fetch(
    `http://127.0.0.1:${api}/api/v1/versions`)).ok);
  return {
    ...directives(api),
    async stop() {
      await child.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
