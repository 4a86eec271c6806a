// A person at the API: registers, creates streams and tokens.
export class Problem extends Error {
  constructor(method, path, status, body) {
    super(`${method} ${path}: ${status} ${body?.code ?? ''} ${
      body?.detail ?? ''}`);
    this.status = status;
    this.body = body;
  }
}

// A worker that begins to drain closes its idle connections, and a request that
// was just on its way over one has no answer: as browsers do, what is safe to
// repeat is repeated. fetch() may take another connection of the same fate.
async function patiently(method, send) {
  for (let left = 4; ; left--) {
    try {
      return await send();
    } catch (error) {
      const closed = error.cause?.code === 'UND_ERR_SOCKET' ||
        error.cause?.code === 'ECONNRESET';
      if (method !== 'GET' || !closed || left === 0) throw error;
    }
  }
}

export class User {
  constructor(base) {
    this.base = base;
  }

  async call(method, path, body, { expect, headers = {} } = {}) {
    const url = `${this.base}/api/v1${path}`;
    const answer = await patiently(method, () => fetch(url, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(this.token ? { Authorization: `Bearer ${this.token}` } : {}),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    }));
    const text = await answer.text();
    const json = text ? JSON.parse(text) : null;
    if (expect ? answer.status !== expect : !answer.ok) {
      throw new Problem(method, path, answer.status, json);
    }
    return json;
  }

  static async register(base, email) {
    const user = new User(base);
    const answer = await user.call('POST', '/auth/register',
      { email, password: 'correct horse battery' }, { expect: 201 });
    user.token = answer.access_token;
    user.account = answer.user;
    return user;
  }

  // {id, stream_key, ...}
  createStream(fields = {}) {
    return this.call('POST', '/streams',
      { title: 'Test', visibility: 'public', ...fields }, { expect: 201 });
  }

  stream(id) { return this.call('GET', `/streams/${id}`); }
  status(id) { return this.call('GET', `/streams/${id}/status`); }
  disable(id) { return this.call('POST', `/streams/${id}/disable`); }
  enable(id) { return this.call('POST', `/streams/${id}/enable`); }
  resetKey(id) { return this.call('POST', `/streams/${id}/reset-key`); }
  remove(id) { return this.call('DELETE', `/streams/${id}`); }

  // {id, token, ...}
  createToken(id, fields) {
    return this.call('POST', `/streams/${id}/tokens`, fields, { expect: 201 });
  }

  revoke(tokenId) { return this.call('DELETE', `/tokens/${tokenId}`); }
}
