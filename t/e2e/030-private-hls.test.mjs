// Private HLS: 401 without a play token, three ways with one, and the end of
// it within a second of revoking.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertPlaying, launch } from './lib/browser.mjs';
import { until } from './lib/env.mjs';
import { assertAv, probe, stay } from './lib/media.mjs';
import { startProduct } from './lib/product.mjs';

let product;
let owner;
let stream;
let publisher;
before(async () => {
  product = await startProduct();
  owner = await product.user();
  stream = await owner.createStream({ visibility: 'private' });
  publisher = await stay(product.rtmp,
    `${stream.id}?key=${stream.stream_key}`, { seconds: 300 });
  const token = await playToken();
  await until('segments', async () =>
    (await segments(`/live/${stream.id}.m3u8?token=${token.token}`))
      .length > 2, { ms: 20000 });
});
after(async () => {
  await publisher?.stop();
  await product?.stop();
});

const playToken = () => owner.createToken(stream.id,
  { kind: 'play', ttl_seconds: 600 });

async function segments(path, headers) {
  const answer = await product.get(path, { headers });
  if (!answer.ok) return [];
  return (await answer.text()).split('\n').filter((l) => /\.ts/.test(l));
}

// Playlist and newest segment as a player would ask for them.
async function statuses({ path, query = '', headers }) {
  const list = await product.get(`${path}${query}`, { headers });
  const known = await segments(`/live/t/${(await playToken()).token}/${
    stream.id}.m3u8`);
  const base = path.replace(/[^/]*$/, '');
  const segment = await product.get(`${base}${known.at(-1)}${query}`,
    { headers });
  await Promise.all([list.text(), segment.arrayBuffer()]);
  return { list, segment, both: [list.status, segment.status] };
}

test('without a token: 401, for playlist and segment alike', async () => {
  const { list, both } = await statuses({ path: `/live/${stream.id}.m3u8` });
  assert.deepEqual(both, [401, 401]);
  assert.match(list.headers.get('www-authenticate'), /^Bearer/);
  assert.match(list.headers.get('content-type'), /^application\/problem\+json/);
});

test('a token of another stream, nonsense', async () => {
  const other = await owner.createStream({ visibility: 'private' });
  const foreign = await owner.createToken(other.id,
    { kind: 'play', ttl_seconds: 600 });
  for (const token of [foreign.token, other.stream_key, 'undefined',
    'ks_play_000000000000000000000']) {
    for (const way of [
      { path: `/live/${stream.id}.m3u8`, query: `?token=${token}` },
      { path: `/live/t/${token}/${stream.id}.m3u8` },
    ]) {
      for (const status of (await statuses(way)).both) {
        assert.ok(status === 401 || status === 403, `${status}`);
      }
    }
  }
});

const ways = {
  '?token=': (token) => ({
    path: `/live/${stream.id}.m3u8`, query: `?token=${token}`,
  }),
  bearer: (token) => ({
    path: `/live/${stream.id}.m3u8`,
    headers: { Authorization: `Bearer ${token}` },
  }),
  'in the path': (token) => ({ path: `/live/t/${token}/${stream.id}.m3u8` }),
};
for (const [name, way] of Object.entries(ways)) {
  test(`${name}: plays, and stops within a second of revoking`, async () => {
    const token = await playToken();
    const request = way(token.token);
    assert.deepEqual((await statuses(request)).both, [200, 200]);
    await owner.revoke(token.id);
    const at = Date.now();
    await until('401', async () => {
      const { both } = await statuses(request);
      return both.every((s) => s === 401 || s === 403);
    }, { ms: 3000 });
    assert.ok(Date.now() - at <= 1000, `after ${Date.now() - at} ms`);
  });
}

test('ffprobe plays by the path and by bearer', async () => {
  const token = await playToken();
  assertAv(await probe(
    `${product.base}/live/t/${token.token}/${stream.id}.m3u8`));
  assertAv(await probe(`${product.base}/live/${stream.id}.m3u8`,
    { headers: `Authorization: Bearer ${token.token}\r\n` }));
});

test('the path carries the token to what the playlist names', async () => {
  const token = await playToken();
  const list = await segments(`/live/t/${token.token}/${stream.id}.m3u8`);
  assert.ok(list.length > 0);
  for (const line of list) {
    assert.ok(!line.includes('/') && !line.includes(token.token), line);
  }
});

// The driver's picture is one macroblock; a browser is asked for its clock.
test('a private link plays in the browser and ends when revoked', async () => {
  const token = await playToken();
  const browser = await launch();
  try {
    const page = await browser.newPage();
    await page.goto(`${product.base}/index.html?player=hls.js#${stream.id}` +
      `?token=${token.token}`);
    await assertPlaying(page);
    await owner.revoke(token.id);
    await page.waitForFunction(() => /private/i.test(
      document.querySelector('.notice:not([hidden]) h3')?.textContent ?? ''),
    null, { timeout: 20000 });
  } finally {
    await browser.close();
  }
});

test('unlisted plays without a token but is not in the directory',
  async () => {
    const unlisted = await owner.createStream({ visibility: 'unlisted' });
    const child = await stay(product.rtmp,
      `${unlisted.id}?key=${unlisted.stream_key}`);
    await until('its playlist', async () =>
      (await segments(`/live/${unlisted.id}.m3u8`)).length > 0,
    { ms: 20000 });
    const { data } = await (await product.get('/api/v1/live-streams')).json();
    assert.ok(!data.some((s) => s.id === unlisted.id || s.id === stream.id));
    await child.stop();
  });

test('a stream that is not live: 404 with code not_live', async () => {
  const idle = await owner.createStream();
  const answer = await product.get(`/live/${idle.id}.m3u8`);
  assert.equal(answer.status, 404);
  assert.equal((await answer.json()).code, 'not_live');
});
