// A person at the API: registers, creates streams and tokens.
export class Problem extends Error {
  constructor(method, path, status, body) {
    super(`${method} ${path}: ${status} ${body?.code ?? ''} ${
      body?.detail ?? ''}`);
    this.status = status;
    this.body = body;
  }
}

export class User {
  constructor(base) {
    this.base = base;
  }

  async call(method, path, body, { expect, headers = {} } = {}) {
    const send = () => fetch(`${this.base}/api/v1${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(this.token ? { Authorization: `Bearer ${this.token}` } : {}),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    let answer;
    try {
      answer = await send();
    } catch (error) {
      // an idle connection whose worker went with a reload, just now
      if (method !== 'GET' || error.cause?.code !== 'UND_ERR_SOCKET') {
        throw error;
      }
      answer = await send();
    }
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
