// How SRS reads names and queries. Nothing here is percent-decoded: SRS does
// not either.

// Splits at = , && & ; alike and takes the pieces two by two; the last wins.
export function parseQuery(query) {
  const pieces = query.split(/=|,|&&|&|;/);
  const out = new Map();
  for (let i = 0; i < pieces.length; i += 2) {
    out.set(pieces[i], pieces[i + 1] ?? '');
  }
  return out;
}

const vhosts = ['__defaultVhost__'];

// What a WHIP or WHEP request is about; key names the source.
export function streamOf(query, host, extraVhosts = []) {
  const wanted = query.get('vhost') || query.get('domain') ||
    (host || '').replace(/:\d+$/, '');
  const vhost = [...vhosts, ...extraVhosts].includes(wanted)
    ? wanted : vhosts[0];
  const app = query.get('app') || 'live';
  const stream = query.get('stream') || 'livestream';
  const dot = stream.lastIndexOf('.');
  const bare = dot < 0 ? stream : stream.slice(0, dot);
  const prefix = vhost === vhosts[0] ? '' : vhost;
  return { vhost, app, stream, key: `${prefix}/${app}/${bare}` };
}

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz';

export function randomWord(length) {
  let out = '';
  for (let i = 0; i < length; i++) {
    out += alphabet[Math.floor(Math.random() * alphabet.length)];
  }
  return out;
}
