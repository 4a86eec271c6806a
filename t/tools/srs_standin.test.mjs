// The stand-in against the recordings: node --test t/tools
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { clientRows } from './srs/api.mjs';
import { capture, hookCapture } from './srs/captures.mjs';
import { allows } from './srs/hooks.mjs';
import { parseQuery, streamOf } from './srs/names.mjs';
import { connect, start } from './srs/standin.mjs';

const servers = [];
const up = async (options) => {
  const s = await start(options);
  servers.push(s);
  return s;
};
let five;
let six;
before(async () => {
  five = await up({ flavour: 5 });
  six = await up({ flavour: 6 });
});
after(() => servers.forEach((s) => s.stop()));

// Sends bytes, returns what came until the answer was whole or the peer closed.
function exchange(port, bytes) {
  return new Promise((resolve, reject) => {
    const socket = connect(port);
    let got = Buffer.alloc(0);
    const whole = () => {
      const end = got.indexOf('\r\n\r\n');
      const length = /content-length: (\d+)/i.exec(got.toString('latin1'));
      return end >= 0 && got.length >= end + 4 + Number(length?.[1] ?? 0);
    };
    const finish = (ended) => {
      socket.destroy();
      resolve({ text: got.toString(), ended });
    };
    socket.setTimeout(3000, () => reject(new Error('no answer')));
    socket.on('error', reject);
    socket.on('end', () => finish(true));
    socket.on('data', (data) => {
      got = Buffer.concat([got, data]);
      if (whole()) finish(false);
    });
    socket.write(bytes);
  });
}

// What differs between two runs of SRS.
const mask = (text) => text
  .replace(/token=[0-9a-z]{9}/g, 'token=T')
  .replace(/session=[0-9a-z]{8}:/g, 'session=U:')
  .replace(/a=ice-ufrag:[0-9a-z]{8}/g, 'a=ice-ufrag:U')
  .replace(/a=ice-pwd:[0-9a-z]{32}/g, 'a=ice-pwd:P')
  .replace(/a=fingerprint:.*/g, 'a=fingerprint:F')
  .replace(/^o=(SRS\S+) \d+/gm, 'o=$1 N')
  .replace(/^a=ssrc:\d+ .*\r\n/gm, '')
  .replace(/"service":"\w+"/g, '"service":"S"')
  .replace(/"pid":"\d+"/g, '"pid":"P"')
  .replace(/Content-Length: \d+/g, 'Content-Length: L');

async function replay(server, name) {
  const { request, response } = capture(name);
  const got = await exchange(server.port, request.bytes);
  if (!response) {
    assert.equal(got.text, '', `${name}: no byte`);
    assert.ok(got.ended, `${name}: closed`);
    return got;
  }
  assert.equal(mask(got.text), mask(response.bytes.toString()), name);
  const [head, body] = got.text.split(/\r\n\r\n(.*)/s);
  assert.equal(Number(/Content-Length: (\d+)/.exec(head)[1]),
    Buffer.byteLength(body), `${name}: length`);
  return got;
}

// in this order: the play of w1 finds it published
const accepted = [
  'whip/publish.201', 'whip/publish.audio-only.201',
  'whip/publish.with-origin.201',
  'whip/browser-fetch.publish.201', 'whep/play.201', 'whep/play.unpublished.201',
];
const refused = [
  'whip/publish.bad-sdp-datachannel.closed',
  'whip/publish.bad-sdp-empty-body.closed',
  'whip/publish.bad-sdp-garbage.closed',
  'whip/publish.bad-sdp-no-bundle.closed',
  'whip/publish.bad-sdp-no-rtcp-mux.closed',
  'whip/publish.bad-sdp-recvonly-offer.closed',
  'whip/publish.only-vp8.closed', 'whip/publish.only-vp9.closed',
  'whip/publish.only-av1.closed', 'whip/get.closed',
  'whip/patch.trickle.closed', 'whep/play.sendonly-offer.closed',
];
const plain = [
  'whip/publish.path-no-trailing-slash.302',
  'whip/publish.path-uppercase.200-root', 'whip/options.preflight.200',
  'whip/options.no-origin.200', 'whip/browser-fetch.preflight.200',
  'whip/delete.unknown-session.200', 'api/versions.get',
  'api/streams.no-trailing-slash.302', 'api/stream.unknown-id',
  'api/client.unknown-id', 'api/kick.unknown-id', 'api/kick.no-id',
  'api/unknown-path', 'api/summaries.get',
];
for (const name of [...accepted, ...refused, ...plain]) {
  test(`5: ${name}`, () => replay(five, `srs5/${name}`));
}
for (const name of ['whip/publish.201', 'whep/play.201', 'api/versions.get',
  'whip/options.preflight.200', 'api/kick.unknown-id',
  'whip/delete.unknown-session.200']) {
  test(`6: ${name}`, () => replay(six, `srs6/${name}`));
}

const post = (name, stream) => {
  const { request } = capture(name);
  return Buffer.from(request.bytes.toString('latin1')
    .replace(/stream=[^& ]+/, `stream=${stream}`), 'latin1');
};
const location = (text) => /Location: (\S+)/.exec(text)[1];
const del = (target) =>
  Buffer.from(`DELETE ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
const keys = (server) =>
  [...server.node.sessions.values()].map((s) => s.key);

test('a session lives from POST to DELETE, and its token guards it',
  async () => {
    const first = await exchange(five.port,
      post('srs5/whip/publish.201', 'cycle'));
    const target = location(first.text);
    const busy = await exchange(five.port,
      post('srs5/whip/publish.201', 'cycle.x'));
    assert.equal(busy.text, '', 'busy under an alias of the name, too');
    const wrong = await exchange(five.port,
      del(target.replace(/token=\w+/, 'token=wrong')));
    assert.equal(wrong.text, '');
    const encoded = await exchange(five.port, del(target.replace(
      /(session=\w+):/, '$1%3A')));
    assert.match(encoded.text, /^HTTP\/1.1 200 /);
    assert.ok(keys(five).includes('/live/cycle'), 'none of these ended it');
    for (let i = 0; i < 2; i++) {
      const done = await exchange(five.port, del(target));
      assert.equal(done.text, capture('srs5/whip/delete.200').response.bytes
        .toString());
    }
    assert.ok(!keys(five).includes('/live/cycle'));
  });

test('two POSTs on one connection share a client id', async () => {
  const bytes = Buffer.concat([post('srs5/whip/publish.201', 'twin1'),
    post('srs5/whip/publish.201', 'twin2')]);
  await new Promise((resolve, reject) => {
    const socket = connect(five.port);
    let got = '';
    socket.on('data', (data) => {
      got += data;
      if ((got.match(/HTTP\/1.1 201/g) ?? []).length === 2) {
        socket.destroy();
        resolve();
      }
    });
    socket.setTimeout(3000, () => reject(new Error('no second answer')));
    socket.write(bytes);
  });
  const twins = [...five.node.sessions.values()].filter((s) =>
    s.key.startsWith('/live/twin'));
  assert.equal(twins.length, 2);
  assert.equal(twins[0].clientId, twins[1].clientId);
  assert.equal(clientRows(five.node).filter((c) =>
    c.id === twins[0].clientId).length, 1);
});

test('rows of /clients/ and /streams/ have the recorded keys', async () => {
  await exchange(five.port, post('srs5/whip/publish.201', 'rows'));
  for (const kind of ['clients', 'streams']) {
    const recorded = JSON.parse(
      capture(`srs5/api/${kind}.get`).response.body)[kind]
      .find((r) => (r.name ?? '') === 'w1');
    const { text } = await exchange(five.port, Buffer.from(
      `GET /api/v1/${kind}/ HTTP/1.1\r\nHost: h\r\n\r\n`));
    const rows = JSON.parse(text.split('\r\n\r\n')[1])[kind];
    const row = rows.find((r) => r.name === 'rows');
    assert.deepEqual(Object.keys(row), Object.keys(recorded));
  }
});

test('the address is the first of X-Forwarded-For', async () => {
  await exchange(five.port, capture('srs5/whip/publish.x-forwarded-for.201')
    .request.bytes);
  const session = [...five.node.sessions.values()].find((s) =>
    s.key === '/live/h4');
  assert.equal(session.ip, '203.0.113.9');
});

test('the query is split as SRS splits it', () => {
  const stream = (q) => streamOf(parseQuery(q), '').stream;
  for (const [q, name] of [
    ['app=live&stream=a1,stream=b1', 'b1'],
    ['app=live&stream=a2;stream=b2', 'b2'],
    ['app=live&stream=a3&token=x=stream=b3', 'b3'],
    ['app=live&stream=a4&stream=b4', 'b4'],
    ['app=live&stream=a5%2Fx', 'a5%2Fx'], ['', 'livestream'],
  ]) {
    assert.equal(stream(q), name);
  }
});

test('a host with a _ in it: closed', async () => {
  for (const path of ['/api/v1/versions', '/rtc/v1/whip/?app=live&stream=x']) {
    const { text } = await exchange(five.port, Buffer.from(
      `GET ${path} HTTP/1.1\r\nHost: srs_a\r\n\r\n`));
    assert.equal(text, '');
  }
});

test('what a hook may answer', () => {
  for (const { status, body, verdict, note = '' } of
    hookCapture('srs5/hooks/answer-matrix').answers) {
    if (status === null || /after 3 s/.test(note)) continue;
    const head = `HTTP/1.1 ${status} X\r\n`;
    const answer = /chunked/.test(note)
      ? `${head}Transfer-Encoding: chunked\r\n\r\n${
        body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
      : `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    assert.equal(allows(answer), verdict === 'allow',
      `${status} ${JSON.stringify(body)} ${note}`);
  }
});

// A hook server that answers with status and remembers what came.
async function hookServer(status) {
  const calls = [];
  const server = http.createServer((request, answer) => {
    let body = '';
    request.on('data', (d) => { body += d; });
    request.on('end', () => {
      calls.push({ url: request.url, raw: request.rawHeaders, body });
      answer.writeHead(status(), { 'Content-Length': 10 });
      answer.end('{"code":0}');
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  servers.push({ stop: () => server.close() });
  return { calls, url: `http://127.0.0.1:${server.address().port}/h` };
}

const until = async (what, probe) => {
  for (let i = 0; i < 300; i++) {
    if (probe()) return;
    await new Promise((done) => setTimeout(done, 10));
  }
  assert.fail(`never: ${what}`);
};

test('hooks: the events of publish and play, as recorded', async () => {
  const hook = await hookServer(() => 200);
  const srs = await up({ hooks: `${hook.url}?k=hooksecret` });
  const publish = await exchange(srs.port,
    capture('srs5/whip/publish.201').request.bytes);
  const play = await exchange(srs.port,
    capture('srs5/whep/play.201').request.bytes);
  await exchange(srs.port, del(location(play.text)));
  await exchange(srs.port, del(location(publish.text)));
  await until('four events', () => hook.calls.length === 4);
  for (const [i, name] of ['on_publish.whip', 'on_play.whep', 'on_stop.whep',
    'on_unpublish.whip'].entries()) {
    const recorded = hookCapture(`srs5/hooks/${name}`);
    const got = hook.calls[i];
    const fields = JSON.parse(got.body);
    assert.equal(got.url, `/h/${fields.action}?k=hooksecret`);
    assert.deepEqual(Object.keys(fields), Object.keys(recorded.json), name);
    assert.deepEqual(got.raw.filter((_, n) => n % 2 === 0),
      recorded.headers.map(([k]) => k));
    for (const key of ['action', 'vhost', 'app', 'stream', 'param',
      'stream_url']) {
      assert.equal(fields[key], recorded.json[key], `${name} ${key}`);
    }
  }
});

test('hooks: a denied publish blocks the name, then ends', async () => {
  let status = 403;
  const hook = await hookServer(() => status);
  const srs = await up({ hooks: hook.url, stunTimeoutMs: 300 });
  const denied = await exchange(srs.port, capture(
    'srs5/whip/publish.denied-by-hook.closed').request.bytes);
  assert.equal(denied.text, '');
  status = 200;
  const again = () => exchange(srs.port, post('srs5/whip/publish.201',
    'denied1'));
  assert.equal((await again()).text, '', 'still taken');
  await until('on_unpublish', () => hook.calls.length === 2);
  assert.match((await again()).text, /^HTTP\/1.1 201 /);
  const play = await up({ hooks: hook.url });
  status = 403;
  assert.equal((await exchange(play.port, capture(
    'srs5/whep/play.denied-by-hook.closed').request.bytes)).text, '');
  assert.equal(play.node.sessions.size, 0);
});

test('a kick frees the name', async () => {
  await exchange(five.port, post('srs5/whip/publish.201', 'kicked'));
  const row = clientRows(five.node).find((c) => c.name === 'kicked');
  const { text } = await exchange(five.port, Buffer.from(
    `DELETE /api/v1/clients/${row.id} HTTP/1.1\r\nHost: h\r\n\r\n`));
  assert.equal(mask(text).replace(/"server":"[^"]*"/, ''), mask(
    capture('srs5/api/kick.rtc-publish.200').response.bytes.toString())
    .replace(/"server":"[^"]*"/, ''));
  assert.ok(!keys(five).includes('/live/kicked'));
});

test('control: planned failures and the record of requests', async () => {
  const srs = await up({});
  const control = (method, path, body) => fetch(
    `http://127.0.0.1:${srs.controlPort}${path}`,
    { method, body: body && JSON.stringify(body) });
  const match = 'POST /rtc/v1/whip/';
  await control('POST', '/next', { match, action: 'close' });
  await control('POST', '/next', { match, action: 'status', status: 503 });
  await control('POST', '/next', { match, action: 'slow', ms: 150 });
  const bytes = post('srs5/whip/publish.201', 'plan');
  assert.equal((await exchange(srs.port, bytes)).text, '');
  assert.match((await exchange(srs.port, bytes)).text, /^HTTP\/1.1 503 /);
  const at = Date.now();
  assert.match((await exchange(srs.port, bytes)).text, /^HTTP\/1.1 201 /);
  assert.ok(Date.now() - at >= 140);
  const seen = await (await control('GET', '/requests')).json();
  assert.equal(seen.length, 3);
  assert.deepEqual(Buffer.from(seen[0].raw, 'base64'), bytes);
  const live = await (await control('GET', '/sessions')).json();
  assert.deepEqual(live.map((s) => s.key), ['/live/plan']);
  await control('POST', '/drop', { client_id: live[0].client_id });
  assert.equal((await (await control('GET', '/sessions')).json()).length, 0);
});
