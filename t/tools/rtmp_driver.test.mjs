// The RTMP driver against plain nginx-rtmp and against peers that misbehave:
// it must say what really happened.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { after, before, test } from 'node:test';
import { driver, freePort, nginxBinary, rtmpModule, until } from
  '../e2e/lib/env.mjs';
import { attempt, drive, publish, stay } from '../e2e/lib/media.mjs';
import { Child, run } from '../e2e/lib/process.mjs';

let dir;
let nginx;
let url;
before(async () => {
  for (const path of [driver, rtmpModule]) assert.ok(existsSync(path), path);
  dir = mkdtempSync(`${tmpdir()}/keystone-driver-`);
  const port = await freePort();
  url = `rtmp://127.0.0.1:${port}`;
  writeFileSync(`${dir}/nginx.conf`, `
load_module ${rtmpModule};
${process.getuid() === 0 ? 'user root;' : ''}
daemon off; pid ${dir}/pid; error_log ${dir}/error.log;
events { worker_connections 512; }
rtmp { access_log off; server { listen 127.0.0.1:${port};
  application live { live on; hls on; hls_path ${dir}; hls_fragment 1s; } } }
`);
  nginx = new Child(nginxBinary, ['-p', dir, '-e', `${dir}/error.log`, '-c',
    `${dir}/nginx.conf`]);
  await until('nginx', () => new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => resolve(true));
    socket.on('error', () => resolve(false)).on('connect', () =>
      socket.destroy());
  }));
});
after(async () => {
  await nginx?.stop();
  rmSync(dir, { recursive: true, force: true });
});

test('accepted, and who ends it', async () => {
  const line = await attempt('publish', `${url}/live`, 'a?key=secret');
  assert.equal(line.outcome, 'accepted');
  assert.equal(line.code, 'NetStream.Publish.Start');
  assert.equal(line.stream, 'a', 'the name is printed without its query');
  assert.equal(line.ended, 'client');
});

test('refused with code and description', async () => {
  const first = await stay(`${url}/live`, 'busy');
  const line = await attempt('publish', `${url}/live`, 'busy');
  assert.equal(line.outcome, 'refused');
  assert.equal(line.code, 'NetStream.Publish.BadName');
  assert.equal(line.description, 'Already publishing');
  await first.stop();
});

test('closed, when the server says nothing', async () => {
  assert.equal((await attempt('publish', `${url}/nosuch`, 'a')).outcome,
    'closed');
  assert.equal((await attempt('publish',
    `rtmp://127.0.0.1:${await freePort()}/live`, 'a')).outcome, 'closed');
});

test('timeout, and no RTMP at all', async () => {
  const peers = [];
  const listen = (answer) => new Promise((resolve) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {}).on('data', () => answer(socket));
    }).listen(0, '127.0.0.1', () => resolve(server.address().port));
    peers.push(server);
  });
  const silent = await listen(() => {});
  assert.equal((await attempt('publish', `rtmp://127.0.0.1:${silent}/live`,
    'a', ['--timeout', '0.3'])).outcome, 'timeout');
  const web = await listen((s) => s.write('x'.repeat(4000)));
  assert.equal((await attempt('publish', `rtmp://127.0.0.1:${web}/live`,
    'a')).outcome, 'closed');
  peers.forEach((p) => p.close());
});

test('its media is real: ffprobe decodes every frame', async () => {
  const child = await stay(`${url}/live`, 'media', { seconds: 8 });
  await until('a playlist', () => existsSync(`${dir}/media-2.ts`));
  const { code, out, err } = await run('ffprobe', ['-v', 'error',
    '-count_frames', '-show_entries', 'stream=codec_name,nb_read_frames',
    '-of', 'csv=p=0', `${dir}/media-1.ts`]);
  assert.equal(code, 0);
  assert.equal(err, '');
  assert.match(out, /h264,\d\d/);
  assert.match(out, /aac,\d\d/);
  await child.stop();
});

test('play counts media; the end comes from the server', async () => {
  const encoder = publish(`${url}/live/show`, 20);
  await until('ffmpeg to publish', async () => (await attempt('play',
    `${url}/live`, 'show', ['--seconds', '1'])).media_messages > 10,
  { ms: 15000 });
  await encoder.stop();
  const child = drive('publish', `${url}/live`, ['x', 'y'],
    ['--seconds', '20', '--events']);
  await until('both', () => child.lines.length === 2);
  await nginx.stop('SIGTERM');
  await child.ended;
  assert.deepEqual(child.lines.filter((l) => l.event === 'ended')
    .map((l) => l.ended), ['server', 'server']);
  assert.equal(child.lines.at(-1).ended_by_server, 2);
});
