// What SRS demands of an offer, and the answer it gives.

function parse(text) {
  const lines = text.split(/\r\n|\n/).filter(Boolean);
  if (lines[0] !== 'v=0') return null;
  const session = [];
  const media = [];
  for (const line of lines) {
    if (line.startsWith('m=')) media.push([line]);
    else (media.at(-1) ?? session).push(line);
  }
  return { session, media };
}

const attribute = (section, name) => {
  const line = section.find((l) => l.startsWith(`a=${name}:`));
  return line ? line.slice(name.length + 3) : undefined;
};
const kind = (section) => section[0].slice(2).split(' ')[0];

function direction(section) {
  const found = section.find((l) =>
    /^a=(sendrecv|sendonly|recvonly|inactive)$/.test(l));
  return found ? found.slice(2) : 'sendrecv';
}

function payloads(section, codec) {
  const pattern = new RegExp(`^a=rtpmap:(\\d+) ${codec}$`, 'i');
  return section.map((l) => pattern.exec(l)?.[1]).filter(Boolean);
}

function h264(section) {
  const usable = payloads(section, 'H264/90000')
    .map((pt) => ({
      pt, fmtp: section.find((l) => l.startsWith(`a=fmtp:${pt} `)) ?? '',
    }))
    .filter(({ fmtp }) => fmtp.includes('packetization-mode=1'));
  return usable.find(({ fmtp }) => fmtp.includes('profile-level-id=42e01f')) ??
    usable[0];
}

// Why SRS would close the connection, or null when it takes the offer.
export function refusal(text, play) {
  const sdp = parse(text);
  if (!sdp) return 'not SDP';
  if (sdp.media.length === 0) return 'no media';
  const bundle = attribute(sdp.session, 'group') ?? '';
  if (!bundle.startsWith('BUNDLE')) return 'no BUNDLE';
  for (const section of sdp.media) {
    const is = kind(section);
    if (is !== 'audio' && is !== 'video') return `m=${is}`;
    if (!section.includes('a=rtcp-mux')) return 'no rtcp-mux';
    if (direction(section) === (play ? 'sendonly' : 'recvonly')) {
      return `direction ${direction(section)}`;
    }
    if (is === 'video' && !h264(section)) return 'no H264';
    if (is === 'audio' && !payloads(section, 'opus/48000/2').length) {
      return 'no Opus';
    }
  }
  return null;
}

export const clientUfrag = (text) => {
  const sdp = parse(text);
  if (!sdp) return '';
  const first = [sdp.session, ...sdp.media].find((s) =>
    attribute(s, 'ice-ufrag'));
  return first ? attribute(first, 'ice-ufrag') : '';
};

// The recorded answer, told again for this offer: its sections in the offer's
// order, with the offer's payload types and mids.
export function answer(recorded, offerText, { app, stream, ufrag, pwd }) {
  const offer = parse(offerText);
  const model = parse(recorded);
  const mids = offer.media.map((s, i) => attribute(s, 'mid') ?? String(i));
  const session = model.session.map((line) => {
    if (line.startsWith('a=group:')) return `a=group:BUNDLE ${mids.join(' ')}`;
    if (line.startsWith('a=msid-semantic:')) {
      return `a=msid-semantic: WMS ${app}/${stream}`;
    }
    return line;
  });
  const media = offer.media.map((section, i) => {
    const like = model.media.find((m) => kind(m) === kind(section));
    const map = new Map();
    if (kind(section) === 'video') {
      map.set(payloads(like, 'H264/90000')[0], h264(section).pt);
    } else {
      map.set('111', payloads(section, 'opus/48000/2')[0]);
      const red = payloads(section, 'red/48000/2')[0];
      if (red) map.set('63', red);
    }
    const [mline, ...rest] = like;
    const offered = mline.split(' ').slice(3).filter((pt) => map.has(pt));
    const renumber = (line) => {
      const found = /^a=(rtpmap|rtcp-fb|fmtp):(\d+)( .*)$/.exec(line);
      if (!found) return line;
      return map.has(found[2])
        ? `a=${found[1]}:${map.get(found[2])}${found[3]}` : null;
    };
    return [
      `${mline.split(' ').slice(0, 3).join(' ')} ${
        offered.map((pt) => map.get(pt)).join(' ')}`,
      ...rest.map((line) => {
        if (line.startsWith('a=mid:')) return `a=mid:${mids[i]}`;
        if (line.startsWith('a=ice-ufrag:')) return `a=ice-ufrag:${ufrag}`;
        if (line.startsWith('a=ice-pwd:')) return `a=ice-pwd:${pwd}`;
        return renumber(line);
      }).filter((line) => line !== null),
    ];
  });
  return [...session, ...media.flat()].map((l) => `${l}\r\n`).join('');
}
