// The main job: an encoder gets in, players play, over RTMP and HLS.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertPlaying, launch } from './lib/browser.mjs';
import { until } from './lib/env.mjs';
import { assertAv, publish, probe, stay } from './lib/media.mjs';
import { startProduct } from './lib/product.mjs';

let product;
let owner;
let browser;
before(async () => {
  product = await startProduct();
  owner = await product.user();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await product?.stop();
});

const playlist = (id) => `${product.base}/live/${id}.m3u8`;
const served = (id) => until(`the playlist of ${id}`, async () => {
  const answer = await fetch(playlist(id));
  return answer.ok && /\.ts/.test(await answer.text());
}, { ms: 20000 });

test('ffmpeg publishes with the key; ffprobe and browser play HLS',
  async (t) => {
    const stream = await owner.createStream(
      { title: 'Harbour', reconnect_window_seconds: 3 });
    const encoder = publish(
      `${product.rtmp}/${stream.id}?key=${stream.stream_key}`, 90);
    try {
      await served(stream.id);

      await t.test('ffprobe reads H.264 and AAC', async () => {
        assertAv(await probe(playlist(stream.id)));
      });

      await t.test('status and directory say live', async () => {
        const status = await until('active', async () => {
          const s = await owner.status(stream.id);
          return s.status === 'active' && s;
        });
        assert.equal(status.live, true);
        const { data } = await (await product.get('/api/v1/live-streams'))
          .json();
        const row = data.find((s) => s.id === stream.id);
        assert.equal(row?.title, 'Harbour');
      });

      await t.test('the page lists it, and hls.js plays it', async () => {
        const page = await browser.newPage();
        const errors = [];
        page.on('pageerror', (error) => errors.push(error.message));
        await page.goto(`${product.base}/index.html?player=hls.js`);
        await page.waitForSelector(`#list a[href="#${stream.id}"]`);
        const { engine } = await assertPlaying(page);
        assert.equal(engine, 'hls.js');
        assert.match(await page.title(), /^Harbour/);
        assert.deepEqual(errors, []);
        await page.close();
      });

      await t.test('the page plays it with the browser\'s own HLS, too',
        async (u) => {
          const page = await browser.newPage();
          await page.goto(`${product.base}/index.html#${stream.id}`);
          if (!await page.evaluate(() => document.createElement('video')
            .canPlayType('application/vnd.apple.mpegurl'))) {
            u.skip('this Chromium has no HLS of its own');
          } else {
            assert.equal((await assertPlaying(page)).engine, 'native');
          }
          await page.close();
        });

      await t.test('the key is in no file that others can read', async () => {
        const secret = stream.stream_key;
        assert.ok(!product.log().includes(secret), 'error.log');
        assert.ok(!product.accessLog().includes(secret), 'access.log');
        assert.ok(!(await (await fetch(playlist(stream.id))).text())
          .includes(secret), 'playlist');
      });
    } finally {
      await encoder.stop();
    }
    const state = async () => (await owner.status(stream.id)).status;
    await until('the window', async () => await state() === 'reconnecting');
    await until('its end', async () => await state() === 'idle');
    assert.equal((await owner.status(stream.id)).live, false);
    const { data } = await (await product.get('/api/v1/live-streams')).json();
    assert.ok(!data.some((s) => s.id === stream.id));
  });

test('a play token opens RTMP play of a private stream, nothing else does',
  async () => {
    const one = await startProduct({ workers: 1 });
    let publisher;
    try {
      const user = await one.user();
      const stream = await user.createStream({ visibility: 'private' });
      const token = await user.createToken(stream.id,
        { kind: 'play', ttl_seconds: 600 });
      publisher = await stay(one.rtmp,
        `${stream.id}?key=${stream.stream_key}`);
      assertAv(await probe(
        `${one.rtmp}/${stream.id}?token=${token.token}`, { seconds: 4 }));
      await assert.rejects(probe(`${one.rtmp}/${stream.id}`));
      const other = await user.createStream({ visibility: 'private' });
      await assert.rejects(probe(
        `${one.rtmp}/${stream.id}?token=${other.stream_key}`));
    } finally {
      await publisher?.stop();
      await one.stop();
    }
  });
