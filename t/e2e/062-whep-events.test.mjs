// The samples of docs/whip-whep.md, as they stand there, in a real browser:
// one page publishes, another plays and is told what happens, over a reload.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { root, until } from './lib/env.mjs';
import { launch } from './lib/browser.mjs';
import { startProduct } from './lib/product.mjs';
import { realSrs, startRealSrs, startStandin } from './lib/standin.mjs';

const samples = [...readFileSync(`${root}/docs/whip-whep.md`, 'utf8')
  .matchAll(/^```js\n([^]*?)^```/gm)].map(([, code]) => code);
const [publish, play, listen] = samples;

// Runs a sample in the page; what it declares and `keep` names stays.
const runSample = (page, code, given, keep) => page.evaluate(
  ([text, values, names]) => {
    Object.assign(window, values);
    return (0, eval)(`(async () => { ${text}
      Object.assign(window, { ${names} }); })()`);
  }, [code, given, keep]);

async function open(browser, product) {
  const page = await browser.newPage();
  await page.goto(`${product.base}/blank.html`);
  await page.evaluate(() => {
    window.video = document.createElement('video');
    window.video.muted = window.video.autoplay = true;
    window.count = document.createElement('output');
    window.told = [];
    window.play = () => window.told.push('play()');
    document.body.append(window.video, window.count);
  });
  return page;
}

async function story(srs, { media }) {
  const product = await startProduct(srs);
  const browser = await launch();
  try {
    assert.equal(samples.length, 3, 'three samples');
    const owner = await product.user();
    const { id, stream_key: key } = await owner.createStream();
    const studio = await open(browser, product);
    await runSample(studio, publish, { id, key }, 'pc, session');
    const state = async () => (await (await product.get(
      `/api/v1/streams/${id}/status`)).json()).status;
    await until('the stream is live', async () => await state() === 'active');

    const viewer = await open(browser, product);
    await runSample(viewer, play, { id }, 'pc, session');
    await runSample(viewer, `${listen}
      for (const type of ['active', 'inactive', 'viewercount', 'reconnect']) {
        events.addEventListener(type, (e) => told.push(type + ' ' + e.data));
      }`, {}, 'events');
    const told = (pattern) => until(`${pattern}`, () => viewer.evaluate(
      (p) => window.told.find((t) => new RegExp(p).test(t)), pattern));
    await told('^active');
    await told('^viewercount {"viewercount":1}');
    assert.equal(await viewer.textContent('output'), '1');
    if (media) {
      await viewer.waitForFunction(() => window.video.currentTime > 1 &&
        window.video.getVideoPlaybackQuality().totalVideoFrames > 20, null,
      { timeout: 20000 });
    }

    await product.reload();
    const second = await open(browser, product);
    await runSample(second, play, { id }, 'pc, session');
    await told('^viewercount {"viewercount":2}');
    assert.equal((await viewer.evaluate(() => window.told)).filter((t) =>
      t.startsWith('active')).length, 1, 'nothing is told twice');

    await studio.evaluate(() => fetch(window.session, { method: 'DELETE' }));
    await told('^inactive');
    await viewer.evaluate(() => fetch(window.session, { method: 'DELETE' }));
    await viewer.waitForFunction(() =>
      window.events.readyState === EventSource.CLOSED);
  } finally {
    await browser.close();
    await product.stop();
    await srs.stop();
  }
}

test('events in a browser, on the stand-in', async () =>
  story(await startStandin({ flavour: 5 }), { media: false }));

test('events in a browser, on SRS itself',
  { skip: realSrs ? false : 'SRS_BIN names no SRS' },
  async () => story(await startRealSrs(), { media: true }));
