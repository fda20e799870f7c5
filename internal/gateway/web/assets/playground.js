// The playground.
import { newSession, request } from './api.js';
import { byId, element, setText } from './dom.js';
import { chainFields, promptFields, show, values } from './form.js';
import { Pane } from './pane.js';

const panes = [new Pane(0), new Pane(1)];
const selects = [byId('target-0'), byId('target-1')];
const box = byId('fields');
const status = (text) => setText(byId('status'), text);
let targets = [];
let running; // an AbortController, while something is asked
let last = {}; // what was asked last, for the link

const active = () => (byId('compare').checked ? panes : panes.slice(0, 1));

// options fills the choice of a target.
function options(select) {
  const group = (label, list, text) => (list.length ? [element('optgroup', { label }, ...list.map((t) => element('option', { value: t.id }, text(t))))] : []);
  const loaded = (t) => (t.loaded ? `${t.id} – in memory` : t.id);
  select.replaceChildren(
    ...group('Models', targets.filter((t) => !t.chain), loaded),
    ...group('Chains', targets.filter((t) => t.chain), (t) => t.chain),
  );
}

// choose takes up what the selects say.
async function choose(given = {}) {
  const two = byId('compare').checked;
  byId('second').hidden = byId('pane-1').hidden = !two;
  byId('panes').classList.toggle('two', two);
  const fields = new Map();
  for (const [n, pane] of active().entries()) {
    const target = targets.find((t) => t.id === selects[n].value);
    if (!target) continue;
    if (target.chain) {
      const reply = await request(`/chains/${encodeURIComponent(target.chain)}/input_schema`);
      target.fields = chainFields(await reply.json());
    } else target.fields = promptFields;
    if (pane.target !== target) pane.use(target);
    for (const f of target.fields) if (!fields.has(f.name)) fields.set(f.name, f);
  }
  show(box, [...fields.values()], given);
}

// link is the state of the page without anything that was answered.
function link(texts) {
  const p = new URLSearchParams({ target: selects[0].value });
  if (byId('compare').checked) p.set('with', selects[1].value);
  for (const [name, text] of Object.entries(texts)) p.set(`in.${name}`, text);
  history.replaceState(null, '', `#${p}`);
}

// linked is what a link says.
function linked() {
  const p = new URLSearchParams(location.hash.slice(1));
  const given = {};
  for (const [name, text] of p) if (name.startsWith('in.')) given[name.slice(3)] = text;
  return { target: p.get('target'), other: p.get('with'), given };
}

async function restore() {
  const { target, other, given } = linked();
  const known = (id) => targets.some((t) => t.id === id);
  const missing = [target, other].filter((id) => id && !known(id));
  if (missing.length) status(`Not here, though the link names it: ${missing.join(', ')}`);
  if (known(target)) selects[0].value = target;
  if (known(other)) selects[1].value = other;
  else selects[1].selectedIndex = Math.min(1, targets.length - 1);
  byId('compare').checked = known(other);
  await choose(given);
}

async function ask() {
  if (running) return;
  last = values(box);
  running = new AbortController();
  byId('send').disabled = true;
  byId('stop').disabled = false;
  status('Asking …');
  const own = (pane) => Object.fromEntries(pane.target.fields.filter((f) => f.name in last).map((f) => [f.name, last[f.name]]));
  const { signal } = running;
  const asked = active().filter((p) => p.target).map((p) => p.ask(own(p), signal));
  const prompt = box.querySelector('[name=prompt]');
  if (prompt) prompt.value = '';
  await Promise.all(asked);
  running = undefined;
  byId('send').disabled = false;
  byId('stop').disabled = true;
  status(signal.aborted ? 'Stopped.' : 'Done.');
}

const stop = () => running?.abort();

byId('ask').addEventListener('submit', (e) => {
  e.preventDefault();
  ask();
});
byId('stop').addEventListener('click', stop);
byId('clear').addEventListener('click', () => {
  stop();
  newSession();
  for (const p of panes) p.clear();
  status('');
});
byId('link').addEventListener('click', async () => {
  link({ ...last, ...values(box) });
  try {
    await navigator.clipboard.writeText(location.href);
    status('The link is copied. It has the prompt in it, and no answer.');
  } catch { // a browser allows it on some pages only
    status('The link is in the address bar. It has the prompt in it, and no answer.');
  }
});
document.addEventListener('keydown', (e) => {
  if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) byId('ask').requestSubmit();
  if (e.key === 'Escape') stop();
});
for (const e of [...selects, byId('compare')]) {
  e.addEventListener('change', () => {
    stop();
    link({});
    choose().catch(failed);
  });
}
window.addEventListener('hashchange', () => restore().catch(failed));

const failed = (e) => status(`This page could not be set up: ${e.message}`);

newSession();
try {
  targets = (await (await request('/ui/api/models')).json()).models;
  selects.forEach(options);
  await restore();
} catch (e) {
  failed(e);
}
