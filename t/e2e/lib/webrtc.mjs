// Publishing and playing in a page of Chromium, and whether anything arrives.
import { sleep, until } from './env.mjs';
import { makeOffer, postOffer } from './browser.mjs';

async function blank(browser, product) {
  const page = await browser.newPage();
  await page.goto(`${product.base}/blank.html`);
  return page;
}

// {page, status, location, text}
export async function publish(browser, product, path, token) {
  const page = await blank(browser, product);
  const answer = await postOffer(page, path, await makeOffer(page, 'sendonly'),
    token);
  return { page, ...answer };
}

// As publish; what comes is played, with its sound.
export async function play(browser, product, path, token) {
  const page = await blank(browser, product);
  const sdp = await makeOffer(page, 'recvonly');
  await page.evaluate(() => {
    const video = document.createElement('video');
    video.autoplay = true;
    document.body.append(video);
    const stream = new MediaStream();
    video.srcObject = stream;
    window.pc.ontrack = ({ track }) => {
      stream.addTrack(track);
      void video.play();
    };
  });
  const answer = await postOffer(page, path, sdp, token);
  return { page, ...answer };
}

// {frames, packets, energy} received so far
export const received = (page) => page.evaluate(async () => {
  const seen = { frames: 0, packets: 0, energy: 0 };
  for (const s of (await window.pc.getStats()).values()) {
    if (s.type !== 'inbound-rtp') continue;
    if (s.kind === 'video') seen.frames = s.framesDecoded;
    else {
      seen.packets = s.packetsReceived;
      seen.energy = s.totalAudioEnergy ?? 0;
    }
  }
  return seen;
});

// Picture and sound go on from here: frames are decoded, and Chromium's fake
// microphone beeps.
export async function assertFlowing(page, { frames = 20, ms = 20000 } = {}) {
  const from = await received(page);
  return until('picture and sound', async () => {
    const now = await received(page);
    return now.frames >= from.frames + frames &&
      now.packets > from.packets && now.energy > from.energy && now;
  }, { ms, every: 100 });
}

// Nothing comes any more.
export async function assertSilent(page, { ms = 15000 } = {}) {
  let last = await received(page);
  await until('silence', async () => {
    await sleep(700);
    const now = await received(page);
    const still = now.frames === last.frames && now.packets === last.packets;
    last = now;
    return still;
  }, { ms });
}

export const remove = (product, location) => product.get(
  new URL(location, product.base).pathname, { method: 'DELETE' });
