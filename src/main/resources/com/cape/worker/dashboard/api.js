/* The server's answers. */

const LONGEST_WAIT = 15000;

/** The server answered, and did not do it. */
export class Refused extends Error {
  constructor(status, message, body, wait) {
    super(message);
    this.status = status;
    this.body = body;
    this.wait = wait;
  }
}

/** The server did not answer. */
export class Unreachable extends Error {}

let csrf = '';

/** Begins, or begins again after the server did: {csrf, version, login, poll_ms}. */
export async function session(signal) {
  const begun = await get('/api/session', signal);
  csrf = begun.csrf;
  return begun;
}

export function get(path, signal) {
  return ask(path, { signal });
}

/** Has something done; answers what the server says of it. */
export async function post(path, fields = {}) {
  try {
    return await send(path, fields);
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 403) {
      throw error;
    }
    await session(); // the server was started anew, and with it its token
    return send(path, fields);
  }
}

function send(path, fields) {
  return ask(path, {
    method: 'POST',
    headers: { 'X-CSRF-Token': csrf },
    body: new URLSearchParams(fields),
  });
}

async function ask(path, options) {
  const limit = AbortSignal.timeout(LONGEST_WAIT);
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
  let answer;
  let text;
  try {
    answer = await fetch(path, { ...options, signal, redirect: 'error', cache: 'no-store' });
    text = await answer.text();
  } catch (error) {
    if (options.signal?.aborted) {
      throw error;
    }
    throw new Unreachable('the dashboard does not answer', { cause: error });
  }
  const body = read(text);
  if (!answer.ok) {
    const wait = Number(answer.headers.get('Retry-After')) || 0;
    const message = body.error ?? `the dashboard answered ${answer.status}`;
    throw new Refused(answer.status, message, body, wait);
  }
  return body;
}

function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
