// The stand-in's clients of all kinds, its lists, its files and what a test can
// make happen to it, against the recordings.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, test } from 'node:test';
import { capture, hookCapture } from './srs/captures.mjs';
import { start } from './srs/standin.mjs';

const servers = [];
after(() => servers.forEach((s) => s.stop()));

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const until = async (what, probe) => {
  for (let i = 0; i < 300; i++) {
    if (await probe()) return;
    await sleep(10);
  }
  assert.fail(`never: ${what}`);
};

// A stand-in whose hooks come here; deny() says which of them are refused.
async function up(options = {}) {
  const calls = [];
  let deny = () => false;
  const hook = http.createServer((request, answer) => {
    let body = '';
    request.on('data', (d) => { body += d; });
    request.on('end', () => {
      const fields = JSON.parse(body);
      calls.push(fields);
      answer.writeHead(deny(fields) ? 403 : 200, { 'Content-Length': 10 });
      answer.end('{"code":0}');
    });
  });
  await new Promise((done) => hook.listen(0, '127.0.0.1', done));
  const srs = await start({
    hooks: `http://127.0.0.1:${hook.address().port}/h`, ...options,
  });
  servers.push({ stop: () => { srs.stop(); hook.close(); } });
  const ask = (port) => async (method, path, body) => {
    const answer = await fetch(`http://127.0.0.1:${port()}${path}`,
      { method, body: body && JSON.stringify(body) });
    const text = await answer.text();
    return {
      status: answer.status, text, type: answer.headers.get('content-type'),
      get json() { return JSON.parse(text); },
    };
  };
  return {
    srs, calls, events: () => calls.map((c) => c.action),
    refuse: (test) => { deny = test; },
    api: ask(() => srs.port), control: ask(() => srs.controlPort),
    file: ask(() => srs.httpPort),
  };
}

const publish = { type: 'fmle-publish', stream: 'cam1',
  param: '?token=abc.def&x=1' };
const client = async (s, wanted) =>
  (await s.control('POST', '/client', wanted)).json;
const rows = async (s, kind) =>
  (await s.api('GET', `/api/v1/${kind}/?count=1000`)).json[kind];

const hooked = [
  ['fmle-publish', 'rtmp', '?token=abc.def&x=1', ['on_connect.rtmp-publish',
    'on_publish.rtmp', 'on_unpublish.rtmp', 'on_close.rtmp-publish']],
  ['rtmp-play', 'rtmp', '?token=viewer1', ['on_connect.rtmp-play',
    'on_play.rtmp', 'on_stop.rtmp', 'on_close.rtmp-play']],
  ['srt-publish', 'srt', 'token=abc.def&x=1', ['on_connect.srt-publish',
    'on_publish.srt', 'on_unpublish.srt', 'on_close.srt-publish']],
  ['srt-play', 'srt', 'token=viewer1', ['on_connect.srt-play', 'on_play.srt',
    'on_stop.srt', 'on_close.srt-play']],
  ['flv-play', 'http-flv', '?token=viewer2',
    ['on_play.http-flv', 'on_stop.http-flv']],
  ['hls-play', 'hls', '?token=viewer3&x=2', ['on_play.hls', 'on_stop.hls']],
];
for (const [type, protocol, param, names] of hooked) {
  test(`${type}: its hooks from first to last, as recorded`, async () => {
    const s = await up();
    const stream = protocol === 'srt' ? 'srt1' : 'cam1';
    if (names.length === 2) {
      const { client_id } = await client(s, publish);
      await s.control('POST', '/lose-hooks', { times: 2 });
      await s.control('POST', '/drop', { client_id });
      s.calls.length = 0;
    }
    const { client_id: id } = await client(s, {
      type, stream, param,
      ...(type === 'flv-play' ? { pageUrl: 'http://page.example/watch' } : {}),
    });
    const [row] = await rows(s, 'clients');
    assert.equal(row.type, type);
    assert.deepEqual(Object.keys(row), Object.keys(JSON.parse(capture(
      'srs5/api/clients.get').response.body).clients[0]));
    const kick = await s.api('DELETE', `/api/v1/clients/${id}`);
    assert.equal(kick.json.code, 0);
    assert.deepEqual(await rows(s, 'clients'), []);
    await until('all hooks', () => s.calls.length === names.length);
    for (const [i, name] of names.entries()) {
      const recorded = hookCapture(`srs5/hooks/${name}`).json;
      const got = s.calls[i];
      assert.equal(got.client_id, id);
      if (!recorded.stream_id) delete got.stream_id;
      assert.deepEqual(Object.keys(got), Object.keys(recorded), name);
      for (const key of ['action', 'vhost', 'app', 'stream', 'param', 'tcUrl',
        'pageUrl', 'stream_url']) {
        assert.equal(got[key], recorded[key], `${name} ${key}`);
      }
    }
  });
}

const denied = [
  ['fmle-publish', 'on_connect', 'rtmp-denied-on_connect'],
  ['fmle-publish', 'on_publish', 'rtmp-denied-on_publish'],
  ['rtmp-play', 'on_play', 'rtmp-denied-on_play'],
  ['srt-publish', 'on_connect', 'srt-denied-on_connect'],
  ['srt-publish', 'on_publish', 'srt-denied-on_publish'],
  ['srt-play', 'on_play', 'srt-denied-on_play'],
];
for (const [type, event, name] of denied) {
  test(`${type} denied in ${event}: what follows, as recorded`, async () => {
    const s = await up();
    s.refuse((fields) => fields.action === event);
    const got = await client(s, { type, stream: 'x' });
    assert.equal(got.allowed, false);
    assert.equal(got.denied, event);
    assert.deepEqual(s.events(), hookCapture(`srs5/hooks/sequence.${name}`)
      .sequence.map((e) => e.event));
    assert.deepEqual(await rows(s, 'clients'), []);
  });
}

for (const [type, name] of [['fmle-publish', 'rtmp'], ['srt-publish', 'srt']]) {
  test(`two ${type} of a name: the loser's hooks`, async () => {
    const s = await up();
    const first = await client(s, { type, stream: 'dup' });
    const second = await client(s, { type, stream: 'dup.x' });
    assert.equal(second.denied, 'busy', 'under an alias, too');
    await s.control('POST', '/drop', { client_id: first.client_id });
    const expected = hookCapture(
      `srs5/hooks/sequence.${name}-duplicate-publish`).sequence
      .map((e) => e.event).filter((e) => e !== 'on_dvr');
    await until('the end', () => s.calls.length === expected.length);
    assert.deepEqual(s.events(), expected);
  });
}

test('a denied WebRTC publisher stays listed, blocks, can be kicked',
  async () => {
    const s = await up();
    s.refuse((fields) => fields.action === 'on_publish');
    const rtc = { type: 'rtc-publish', stream: 'w1' };
    const { client_id: id } = await client(s, rtc);
    s.refuse(() => false);
    const [row] = await rows(s, 'clients');
    const recorded = JSON.parse(JSON.stringify(hookCapture(
      'srs5/api/clients.denied-whip-publisher-still-listed'))).clients[0];
    assert.deepEqual(Object.keys(row), Object.keys(recorded));
    assert.equal((await rows(s, 'streams'))[0].publish.active, false);
    assert.equal((await client(s, rtc)).denied, 'busy');
    await s.control('POST', '/media', { client_id: id, bytes: 1000 });
    assert.deepEqual((await rows(s, 'streams'))[0].publish,
      { active: true, cid: id }, 'it got in with ICE of its own');
    await s.api('DELETE', `/api/v1/clients/${id}`);
    assert.equal((await client(s, rtc)).allowed, true);
  });

test('lists: pages, order, single rows', async () => {
  const s = await up();
  for (let i = 0; i < 25; i++) {
    await client(s, { type: 'fmle-publish', stream: `cam${i}` });
  }
  for (const [query, from, to] of [['', 0, 10], ['?count=3', 0, 10],
    ['?start=2&count=1', 2, 12], ['?count=12', 0, 12], ['?start=20', 20, 25],
    ['?count=1000', 0, 25], ['?start=-5&count=1000', 0, 25],
    ['?start=99', 25, 25]]) {
    for (const kind of ['clients', 'streams']) {
      const all = await rows(s, kind);
      assert.deepEqual(all.map((r) => r.id), all.map((r) => r.id).sort());
      const page = (await s.api('GET', `/api/v1/${kind}/${query}`)).json[kind];
      assert.deepEqual(page.map((r) => r.id),
        all.slice(from, to).map((r) => r.id), `${kind} ${query}`);
    }
  }
  const [stream] = await rows(s, 'streams');
  const one = (await s.api('GET', `/api/v1/streams/${stream.id}`)).json;
  assert.equal(one.stream.name, stream.name);
  const recorded = JSON.parse(
    capture('srs5/api/stream.by-id.200').response.body);
  assert.deepEqual(Object.keys(one), Object.keys(recorded));
  assert.deepEqual(Object.keys(one.stream), Object.keys(recorded.stream));
  const { cid } = stream.publish;
  assert.equal((await s.api('GET', `/api/v1/clients/${cid}`)).json.client.id,
    cid);
});

test('a GET with callback and method=DELETE kicks', async () => {
  const s = await up();
  const { client_id: id } = await client(s, publish);
  const { text, type } = await s.api('GET',
    `/api/v1/clients/${id}?callback=cb&method=DELETE`);
  const { response } = capture('srs5/api/kick.jsonp-get.rtmp-publish');
  const plain = (t) => t.replace(/"(service|server)":"[^"]*"/g, '');
  assert.equal(plain(text), plain(response.body.toString()));
  assert.equal(type, 'text/javascript');
  assert.deepEqual(await rows(s, 'clients'), []);
});

test('media: bytes of the client and of the stream, and null is never',
  async () => {
    const s = await up();
    const { client_id: id } = await client(s, publish);
    const { client_id: viewer } = await client(s,
      { type: 'rtmp-play', stream: 'cam1' });
    await s.control('POST', '/media', { client_id: id, bytes: 700 });
    await s.control('POST', '/media', { client_id: id, bytes: 300 });
    await s.control('POST', '/media', { client_id: viewer, bytes: 50 });
    const row = (await rows(s, 'clients')).find((c) => c.id === id);
    assert.deepEqual([row.recv_bytes, row.send_bytes], [1000, 0]);
    const [stream] = await rows(s, 'streams');
    assert.deepEqual([stream.recv_bytes, stream.send_bytes, stream.clients],
      [1000, 50, 2]);
    await s.control('POST', '/media-after', { ms: null });
    await client(s, { type: 'rtc-publish', stream: 'w1' });
    const w1 = async () => (await rows(s, 'streams')).find((r) =>
      r.name === 'w1');
    assert.deepEqual((await w1()).publish, { active: false });
    assert.equal((await w1()).video, null);
    await s.control('POST', '/media-after', { ms: 60 });
    await client(s, { type: 'rtc-publish', stream: 'w2' });
    const w2 = async () => (await rows(s, 'streams')).find((r) =>
      r.name === 'w2');
    assert.equal((await w2()).publish.active, false);
    await until('active', async () => (await w2()).publish.active);
  });

test('a WebRTC publisher that never connects ends by itself', async () => {
  const s = await up({ mediaAfterMs: Infinity, stunTimeoutMs: 80 });
  await client(s, { type: 'rtc-publish', stream: 'w1' });
  await until('on_unpublish', () => s.calls.length === 2);
  assert.equal(s.calls[1].action, 'on_unpublish');
  assert.ok(!('stream_id' in s.calls[1]));
  assert.deepEqual(await rows(s, 'clients'), []);
});

test('restart: another service, nobody there, no hook', async () => {
  const s = await up();
  await client(s, publish);
  const versions = async () => (await s.api('GET', '/api/v1/versions')).json;
  const before = await versions();
  const told = s.calls.length;
  await s.control('POST', '/restart');
  const now = await versions();
  assert.equal(now.server, before.server);
  assert.notEqual(now.service, before.service);
  assert.notEqual(now.pid, before.pid);
  assert.deepEqual(await rows(s, 'clients'), []);
  assert.deepEqual(await rows(s, 'streams'), []);
  await s.control('POST', '/down');
  await assert.rejects(versions());
  await s.control('POST', '/up');
  await versions();
  assert.equal(s.calls.length, told);
});

test('hooks that are lost, late, repeated, or of any other kind', async () => {
  const s = await up();
  await s.control('POST', '/lose-hooks', { events: ['on_publish'] });
  const { client_id: id, allowed } = await client(s, publish);
  assert.equal(allowed, true);
  assert.deepEqual(s.events(), ['on_connect']);
  await s.control('POST', '/delay-hooks', { events: ['on_unpublish'], ms: 80 });
  await s.control('POST', '/lose-hooks', { events: ['on_close'] });
  const at = Date.now();
  await s.control('POST', '/drop', { client_id: id });
  await until('on_unpublish', () => s.calls.length === 2);
  assert.ok(Date.now() - at >= 70);
  const again = (await s.control('POST', '/replay', { call: 0 })).json;
  assert.equal(again.allowed, true);
  assert.deepEqual(s.calls[2], s.calls[0]);
  await s.control('POST', '/replay', { call: 0, changes: { client_id: 'zz' } });
  assert.equal(s.calls[3].client_id, 'zz');
  await s.control('POST', '/hook', { action: 'on_hls', seq_no: 1 });
  assert.deepEqual(s.calls[4], {
    server_id: s.srs.node.serverId, service_id: s.srs.node.serviceId,
    action: 'on_hls', seq_no: 1,
  });
  const kept = (await s.control('GET', '/hooks')).json;
  assert.ok(kept.some((c) => c.lost && c.fields.action === 'on_publish'));
});

test('files: playlist and segments of hls_ctx off, counted', async () => {
  const s = await up({ fragmentMs: 100, segmentBytes: 1880 });
  assert.equal((await s.file('GET', '/live/cam1.m3u8')).status, 404);
  const { client_id: id } = await client(s, publish);
  const told = s.calls.length;
  const playlist = async () =>
    (await s.file('GET', '/live/cam1.m3u8?token=x')).text;
  const shape = (text) => text.replace(/\d+(\.\d+)?/g, 'N')
    .replace(/\?\S+/g, '');
  assert.equal(shape(await playlist()), shape(capture(
    'srs5/hls/other-stream-with-foreign-hls_ctx.200').response.body.toString())
    .replaceAll('priv', 'cam'));
  const first = /^(cam1-\d+\.ts)$/m.exec(await playlist())[1];
  const ts = await s.file('GET', `/live/${first}`);
  assert.equal(ts.status, 200);
  assert.equal(ts.type, 'video/MP2T');
  assert.equal((await s.file('GET', '/live/cam1-99999.ts')).status, 404);
  await until('another segment', async () =>
    !(await playlist()).includes(first));
  await s.control('POST', '/drop', { client_id: id });
  assert.equal((await s.file('GET', `/live/${first}`)).status, 200,
    'files outlive the stream');
  assert.equal(s.calls.slice(told).filter((c) =>
    c.action === 'on_play').length, 0, 'no hook');
  const counts = (await s.control('GET', '/counts')).json;
  assert.equal(counts[`GET /live/${first}`], 2);
  assert.equal((await s.file('GET', '/api/v1/clients/')).status, 404);
  assert.equal((await s.file('GET', '/api/v1/versions')).json.code, 0);
});

test('files: hls_ctx on, with its ways around the hook', async () => {
  const s = await up({ hlsCtx: true });
  await client(s, publish);
  await client(s, { type: 'fmle-publish', stream: 'priv1' });
  const master = (await s.file('GET', '/live/cam1.m3u8?token=a&x=2')).text;
  const ctx = /^(\/live\/cam1\.m3u8\?hls_ctx=(\w+)&token=a&x=2)$/m
    .exec(master);
  assert.ok(ctx, master);
  assert.match((await s.file('GET', ctx[1])).text,
    new RegExp(`cam1-0.ts\\?hls_ctx=${ctx[2]}\\n`));
  s.refuse((fields) => fields.action === 'on_play');
  const other = await s.file('GET', `/live/priv1.m3u8?hls_ctx=${ctx[2]}`);
  assert.match(other.text, /priv1-0\.ts/);
  const own = '/live/priv1.m3u8?token=bad&hls_ctx=chosenctx1';
  await assert.rejects(s.file('GET', own));
  assert.equal((await s.file('GET', own)).status, 200);
  await s.api('DELETE', `/api/v1/clients/${ctx[2]}`);
  assert.equal((await s.file('GET', ctx[1])).text,
    `HLS stream ${ctx[2]} is EOF`);
});

test('files: FLV streams, waits for a publisher, ends with a kick', async () => {
  const s = await up();
  const base = `http://127.0.0.1:${s.srs.httpPort}/live/cam1.flv?token=ok`;
  const pending = fetch(base);
  await until('on_play', () => s.events().includes('on_play'));
  await client(s, publish);
  const answer = await pending;
  assert.equal(answer.headers.get('content-type'), 'video/x-flv');
  const reader = answer.body.getReader();
  const { value } = await reader.read();
  assert.equal(Buffer.from(value.subarray(0, 3)).toString(), 'FLV');
  const player = (await rows(s, 'clients')).find((c) => c.type === 'flv-play');
  assert.equal(player.name, 'cam1.flv');
  await s.api('DELETE', `/api/v1/clients/${player.id}`);
  for (let ended = false; !ended;) {
    ended = await reader.read().then((r) => r.done, () => true);
  }
  await until('on_stop', () => s.events().includes('on_stop'));
  s.refuse((fields) => fields.action === 'on_play');
  await assert.rejects(fetch(base));
});

test('a second vhost has streams of its own', async () => {
  const s = await up({ vhosts: ['tenant.example.com'] });
  await client(s, publish);
  const got = await client(s, { ...publish, vhost: 'tenant.example.com' });
  assert.equal(got.allowed, true);
  assert.deepEqual((await rows(s, 'streams')).map((r) => r.url).sort(),
    ['/live/cam1', 'tenant.example.com/live/cam1']);
});
