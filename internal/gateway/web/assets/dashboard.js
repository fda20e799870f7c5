// The dashboard: asks for the state each second while somebody can see it.
import { request } from './api.js';
import { byId, element, rows, setText } from './dom.js';
import { attemptText, bytes, cost, dollars, number, seconds } from './text.js';

const cells = (...names) => element('tr', {}, ...names.map((name) => element('td', { 'data-cell': name })));
const cell = (row, name) => row.querySelector(`[data-cell="${name}"]`);
const set = (row, name, text) => setText(cell(row, name), text);

function counts(c) {
  const all = [
    ['Calls', number(c.calls)], ['Failed', number(c.failed)], ['Cancelled', number(c.cancelled)], ['Fallbacks', number(c.fallbacks)],
    ['Tokens in', number(c.input_tokens)], ['Tokens cached', number(c.cached_tokens)], ['Tokens out', number(c.output_tokens)],
    ['Spent', dollars(c.cost_usd)], ['Saved', dollars(c.saved_usd)],
  ];
  rows(byId('counts'), all, ([name]) => name,
    ([name]) => element('div', {}, element('dt', {}, name), element('dd')),
    (row, [, value]) => setText(row.querySelector('dd'), value));
}

const memory = (m) => {
  const where = m.size_vram_bytes >= m.size_bytes ? 'on the GPU' : `${bytes(m.size_vram_bytes)} of it on the GPU`;
  return `${m.name}: ${bytes(m.size_bytes)}, ${where}, window ${number(m.context_length)}`;
};

const rate = (n) => (n >= 10 ? number(Math.round(n)) : n > 0 ? n.toFixed(1) : '–');
const clock = (time) => new Date(time).toLocaleTimeString();
const up = (list) => list.filter((h) => h.state === 'up' || h.state === 'unknown').length;

function targets(list) {
  rows(byId('targets'), list, (t) => t.name,
    () => cells('name', 'state', 'waiting', 'memory'),
    (row, t) => {
      set(row, 'name', `${t.name} (${t.kind}${t.model ? `, ${t.model}` : ''})${t.local ? ', this machine' : ''}`);
      set(row, 'state', t.problem || 'available');
      cell(row, 'state').classList.toggle('bad', Boolean(t.problem));
      set(row, 'waiting', number(t.waiting));
      set(row, 'memory', t.hosts.length ? `${up(t.hosts)} of ${t.hosts.length} hosts can answer` : t.running.map(memory).join('; ') || '–');
    });
}

function hosts(list) {
  const all = list.flatMap((t) => t.hosts.map((h) => ({ ...h, key: `${t.name}/${h.name}` })));
  byId('hosts-card').hidden = all.length === 0;
  rows(byId('hosts'), all, (h) => h.key,
    (h) => {
      const row = cells('host', 'state', 'memory', 'flight', 'rate', 'answered', 'failed', 'last');
      set(row, 'host', h.key);
      return row;
    },
    (row, h) => {
      set(row, 'state', h.reason ? `${h.state}: ${h.reason}` : h.state);
      cell(row, 'state').classList.toggle('bad', h.state === 'down' || h.state === 'set aside');
      set(row, 'memory', h.loaded.join(', ') || '–');
      set(row, 'flight', number(h.in_flight));
      set(row, 'rate', rate(h.tokens_per_second));
      set(row, 'answered', number(h.answered));
      set(row, 'failed', number(h.failed));
      set(row, 'last', h.last_failure ? `${clock(h.last_failure.at)}: ${h.last_failure.reason}` : '–');
    });
}

// linkText says whether the cluster answers, apart from whether its nodes do.
const linkText = (c) => {
  if (c.link === 'up') return `The cluster ${c.id} answers.${c.replicas < 3 ? ' It is one server: not highly available.' : ''}`;
  if (c.link === 'unknown') return 'Connecting to the cluster …';
  return `The cluster ${c.id} does not answer since ${clock(c.since)}: ${c.why}.${c.nodes.length ? ` The nodes as they were at ${clock(c.at)}:` : ''}`;
};

function nodes(cluster) {
  byId('nodes-card').hidden = !cluster;
  if (!cluster) return;
  setText(byId('link'), linkText(cluster));
  byId('link').classList.toggle('bad', cluster.link === 'down');
  byId('nodes-scroll').hidden = cluster.nodes.length === 0;
  rows(byId('nodes'), cluster.nodes, (n) => n.id,
    (n) => {
      const row = cells('node', 'state', 'slots', 'held', 'rows', 'tokens-rate', 'done', 'failed', 'memory', 'when');
      set(row, 'node', n.name);
      return row;
    },
    (row, n) => {
      set(row, 'state', n.declines ? `${n.state}, declines ${number(n.declines)} ${n.declines === 1 ? 'batch' : 'batches'}` : n.state);
      cell(row, 'state').classList.toggle('bad', n.state === 'silent');
      set(row, 'slots', `${number(n.running)} of ${number(n.slots)}`);
      set(row, 'held', number(n.held));
      set(row, 'rows', rate(n.rows_per_second));
      set(row, 'tokens-rate', rate(n.tokens_per_second));
      set(row, 'done', number(n.done) + (n.duplicate ? `, ${number(n.duplicate)} twice` : ''));
      set(row, 'failed', number(n.failed));
      set(row, 'memory', n.loaded.join(', ') || '–');
      set(row, 'when', clock(n.seen));
    });
}

async function cancel(kind, id, button) {
  button.disabled = true;
  try {
    await request(`/ui/api/${kind}/${encodeURIComponent(id)}/cancel`, { body: {} });
  } catch (e) {
    setText(byId('status'), `It was not cancelled: ${e.message}`);
  }
}

const client = (c) => [c.caller, c.dialect, c.session && `session ${c.session.slice(0, 6)}`].filter(Boolean).join(', ');

const progress = (c) => c.state + (c.position ? `, number ${c.position} in the queue` : '');
const underway = (s) => ['queued', 'asking', 'answering'].includes(s.state);

// stepText is a call of a chain's step, in a line.
const stepText = (s) => [`step ${s.step ?? ''}: ${s.provider ? `${s.provider}/${s.model ?? ''}` : 'nobody'}`, s.error ? `${s.state}: ${s.error}` : s.state, seconds(s.took_ns ?? 0), s.cost && dollars(s.cost.usd)].filter(Boolean).join(', ');

// answeredBy is how many requests each host has answered, and each provider that has one address.
const answeredBy = (b) => {
  const byHost = Object.entries(b.answered_by_host ?? {});
  return [...byHost, ...Object.entries(b.answered_by).filter(([name]) => !byHost.some(([host]) => host.startsWith(`${name}/`)))];
};

function batches(list) {
  byId('batches-card').hidden = list.length === 0;
  rows(byId('batches'), list, (b) => b.id,
    (b) => {
      const row = cells('cancel', 'file', 'state', 'requests', 'failed', 'rate', 'by', 'cost');
      const button = element('button', { type: 'button', 'aria-label': `Cancel the batch of ${b.file}` }, 'Cancel');
      button.addEventListener('click', () => cancel('batches', b.id, button));
      cell(row, 'cancel').append(button);
      set(row, 'file', b.file + (b.caller ? `, of ${b.caller}` : ''));
      return row;
    },
    (row, b) => {
      set(row, 'state', b.status.replace('_', ' ') + (b.waiting ? `: ${b.waiting}` : ''));
      set(row, 'requests', `${number(b.done + b.failed)} of ${number(b.total)}`);
      set(row, 'failed', number(b.failed));
      cell(row, 'failed').classList.toggle('bad', b.failed > 0);
      set(row, 'rate', b.per_second ? `${b.per_second.toFixed(1)}/s` : '–');
      set(row, 'by', answeredBy(b).map(([name, n]) => `${name} ${number(n)}`).join(', ') || '–');
      set(row, 'cost', dollars(b.cost_usd));
    });
}

function live(list) {
  byId('idle').hidden = list.length > 0;
  byId('live-scroll').hidden = list.length === 0;
  rows(byId('live'), list, (c) => c.id,
    (c) => {
      const row = cells('cancel', 'asked', 'provider', 'state', 'time', 'client');
      const button = element('button', { type: 'button', 'aria-label': `Cancel the call for ${c.asked || 'tandem'}` }, 'Cancel');
      button.addEventListener('click', () => cancel('calls', c.id, button));
      cell(row, 'cancel').append(button);
      return row;
    },
    (row, c) => {
      set(row, 'asked', c.asked || 'tandem');
      set(row, 'provider', c.provider ? `${c.provider}/${c.model ?? ''}` : '–');
      set(row, 'state', [progress(c), c.waiting, ...(c.steps ?? []).filter(underway).map((s) => `step ${s.step}: ${progress(s)}`)].filter(Boolean).join(', '));
      set(row, 'time', seconds(c.took_ns));
      set(row, 'client', client(c));
    });
}

function recent(list) {
  rows(byId('recent'), list, (c) => c.id,
    (c) => {
      const row = cells('when', 'asked', 'result', 'by', 'tokens', 'time', 'cost');
      set(row, 'when', new Date(c.began).toLocaleTimeString());
      set(row, 'asked', c.asked || 'tandem');
      set(row, 'result', c.error ? `${c.state}: ${c.error}` : c.state);
      cell(row, 'result').classList.toggle('bad', c.state === 'failed');
      const attempts = c.route?.attempts ?? c.attempts ?? [];
      const by = c.provider ? `${c.provider}/${c.model ?? ''}` : '–';
      const lines = c.steps ? c.steps.map(stepText) : attempts.map(attemptText);
      cell(row, 'by').append(lines.length
        ? element('details', {}, element('summary', {}, by), element('ol', {}, ...lines.map((text) => element('li', {}, text))))
        : by);
      set(row, 'tokens', c.usage ? `${number(c.usage.input_tokens)} in, ${number(c.usage.output_tokens)} out` : '–');
      set(row, 'time', seconds(c.took_ns ?? 0));
      set(row, 'cost', c.cost || c.route ? cost(c.cost ? c : c.route) : '–');
      return row;
    },
    () => {});
}

async function poll() {
  if (!document.hidden) {
    try {
      const s = await (await request('/ui/api/state')).json();
      counts(s.counts);
      targets(s.targets);
      hosts(s.targets);
      nodes(s.cluster);
      batches(s.batches);
      live(s.live);
      recent(s.recent);
      setText(byId('status'), (s.stopping ? 'The server is shutting down.' : 'Live.') + (s.caller ? ` You see the calls of ${s.caller}.` : ''));
    } catch (e) {
      setText(byId('status'), `No connection: ${e.message}. Trying again …`);
    }
  }
  setTimeout(poll, 1000);
}

poll();
