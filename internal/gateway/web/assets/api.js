// Requests to the server that this page came from.
import { byId } from './dom.js';

const KEY = 'tandem-key'; // in sessionStorage: it ends with the tab

export class Failure extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

let asking; // the dialog for a key, while it is open

// askKey asks for a key. Requests that come at the same time wait for the same one.
function askKey(why) {
  asking ??= new Promise((resolve) => {
    const dialog = byId('key');
    byId('key-why').textContent = why;
    byId('key-value').value = '';
    dialog.addEventListener('close', () => {
      asking = undefined;
      const value = byId('key-value').value.trim();
      byId('key-value').value = '';
      if (value) sessionStorage.setItem(KEY, value);
      resolve(Boolean(value));
    }, { once: true });
    dialog.showModal();
  });
  return asking;
}

// request sends a request, with the key that was given. It asks for a key where one is
// needed. Errors: a Failure with the server's own words.
export async function request(path, { body, signal } = {}) {
  for (;;) {
    const key = sessionStorage.getItem(KEY);
    const headers = {};
    if (key) headers.Authorization = `Bearer ${key}`;
    if (body) headers['Content-Type'] = 'application/json';
    if (session) headers['X-Session-Id'] = session;
    const reply = await fetch(path, { method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body), signal });
    if (reply.ok) return reply;
    const message = await messageOf(reply);
    if (reply.status !== 401) throw new Failure(message, reply.status);
    if (sessionStorage.getItem(KEY) !== key) continue; // it was given meanwhile
    sessionStorage.removeItem(KEY);
    if (!(await askKey(key ? message : ''))) throw new Failure(message, 401);
  }
}

async function messageOf(reply) {
  try {
    const body = await reply.json();
    return body.error?.message ?? body.detail ?? body.error ?? `status ${reply.status}`;
  } catch {
    return `status ${reply.status}`;
  }
}

let session; // which conversation requests belong to

// newSession begins a conversation: it stays with its provider.
export function newSession() {
  session = [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, '0')).join('');
}

// events reads a stream of server-sent events.
export async function* events(reply) {
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      const event = { name: 'message', data: '' };
      for (const line of block.split('\n')) {
        if (line.startsWith('event: ')) event.name = line.slice(7);
        if (line.startsWith('data: ')) event.data += line.slice(6);
      }
      yield event;
    }
  }
}
