// Two nodes, both real, with media: who is where, and what is left when one
// drains or dies. t/650-srs-nodes.t has the cases without media.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch } from './lib/browser.mjs';
import { build, until } from './lib/env.mjs';
import { run } from './lib/process.mjs';
import { realSrs, startPair } from './lib/srs.mjs';
import { assertFlowing, play, publish } from './lib/webrtc.mjs';

const media = { skip: realSrs ? false : 'needs media: SRS_BIN names no SRS' };

let pair;
let browser;
let product;
let owner;
before(async () => {
  if (!realSrs) return;
  pair = await startPair({ count: 2 });
  ({ product, owner } = pair);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await pair?.stop();
});

// Names of the nodes that have a client of this type on the stream.
async function on(stream, type) {
  const found = [];
  for (const node of pair.nodes) {
    const clients = node.child.done ? [] : await node.of(stream, type);
    found.push(...clients.map(() => node.name));
  }
  return found;
}

const status = async (stream) => (await owner.status(stream.id)).status;

async function live(stream) {
  const publisher = await publish(browser, product,
    `/rtc/v1/whip/${stream.id}`, stream.stream_key);
  assert.equal(publisher.status, 201, publisher.text);
  await until('active', async () => await status(stream) === 'active');
  const [node] = await on(stream, 'rtc-publish');
  return { stream, publisher, node };
}

async function watch(stream) {
  const viewer = await play(browser, product, `/rtc/v1/whep/${stream.id}`);
  assert.equal(viewer.status, 201, viewer.text);
  await assertFlowing(viewer.page);
  return viewer;
}

const node = async (command, name) => {
  const { code, err } = await run(`${build}/keystonectl`,
    ['--store', `sqlite:${product.dir}/keystone.db`, 'node', command, name]);
  assert.equal(code, 0, err);
};

test('viewers follow their publisher; drain and death of a node', media,
  async (t) => {
    // one stream on each node
    const home = {};
    for (let i = 0; i < 12 && Object.keys(home).length < 2; i++) {
      const got = await live(await owner.createStream());
      if (home[got.node]) await got.publisher.page.close();
      else home[got.node] = got;
    }
    assert.deepEqual(Object.keys(home).sort(), ['srs_a', 'srs_b']);
    const viewers = {};
    for (const name of ['srs_a', 'srs_b']) {
      viewers[name] = await watch(home[name].stream);
      assert.deepEqual(await on(home[name].stream, 'rtc-play'), [name]);
    }

    await t.test('a drained node keeps what it has', async () => {
      await node('drain', 'srs_a');
      await until('new ones go to srs_b', async () => {
        const stream = await owner.createStream();
        const got = await live(stream);
        await got.publisher.page.close();
        return got.node === 'srs_b';
      });
      await assertFlowing(viewers.srs_a.page);
      const late = await watch(home.srs_a.stream);
      assert.deepEqual(await on(home.srs_a.stream, 'rtc-play'),
        ['srs_a', 'srs_a']);
      await late.page.close();
      await node('undrain', 'srs_a');
    });

    await t.test('a node that dies takes its own streams only', async () => {
      await pair.nodes[0].die();
      await assertFlowing(viewers.srs_b.page);
      assert.equal(await status(home.srs_b.stream), 'active');
      const { stream } = home.srs_a;
      await until('its streams are no longer active', async () =>
        await status(stream) !== 'active');
      const again = await until('a publisher comes back', async () => {
        const answer = await publish(browser, product,
          `/rtc/v1/whip/${stream.id}`, stream.stream_key);
        if (answer.status === 201) return answer;
        await answer.page.close();
        return null;
      }, { every: 500 });
      assert.ok(again);
      await until('active', async () => await status(stream) === 'active');
      assert.deepEqual(await on(stream, 'rtc-publish'), ['srs_b']);
      await watch(stream);
    });
  });
