// Headless Chromium with a fake camera.
import { createRequire } from 'node:module';
import { nodeModules, until } from './env.mjs';

const { chromium } = createRequire(`${nodeModules}/`)('playwright-core');

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--disable-gpu', '--allow-loopback-in-peer-connection',
      '--autoplay-policy=no-user-gesture-required',
      '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
    ],
  });
}

const progress = (page) => page.evaluate(() => {
  const video = document.querySelector('video');
  return video && {
    engine: video.dataset.engine,
    time: video.currentTime,
    frames: video.getVideoPlaybackQuality().totalVideoFrames,
    error: video.error?.message,
  };
});

// Waits until both the clock and the count of decoded frames advance.
export async function assertPlaying(page, { frames = 25, ms = 30000 } = {}) {
  const first = await until('a first frame', async () => {
    const now = await progress(page);
    return now?.frames > 0 && now.time > 0 && now;
  }, { ms, every: 100 });
  return until(`${frames} more frames`, async () => {
    const now = await progress(page);
    return now.frames >= first.frames + frames && now.time > first.time + .5 &&
      now;
  }, { ms, every: 100 });
}

// An offer of this browser; the connection stays in window.pc.
export function makeOffer(page, direction) {
  return page.evaluate(async (dir) => {
    const pc = new RTCPeerConnection();
    window.pc = pc;
    if (dir === 'sendonly') {
      const media = await navigator.mediaDevices.getUserMedia(
        { audio: true, video: true });
      for (const track of media.getTracks()) {
        pc.addTransceiver(track, { direction: dir, streams: [media] });
      }
    } else {
      pc.addTransceiver('audio', { direction: dir });
      pc.addTransceiver('video', { direction: dir });
    }
    await pc.setLocalDescription(await pc.createOffer());
    return pc.localDescription.sdp;
  }, direction);
}

// POST from the page itself, so that Chromium's own headers are sent.
export function postOffer(page, url, sdp, token) {
  return page.evaluate(async ([to, body, bearer]) => {
    const answer = await fetch(to, {
      method: 'POST', body,
      headers: {
        'Content-Type': 'application/sdp',
        ...(bearer ? { Authorization: `Bearer ${bearer}` } : {}),
      },
    });
    const text = await answer.text();
    const type = answer.headers.get('content-type');
    if (answer.status === 201) {
      await window.pc.setRemoteDescription({ type: 'answer', sdp: text });
    }
    return {
      status: answer.status, type, text,
      location: answer.headers.get('location'),
      signaling: window.pc.signalingState,
    };
  }, [url, sdp, token]);
}
