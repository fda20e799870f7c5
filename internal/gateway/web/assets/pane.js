// One side of the playground: a target, and the conversation with it. It lives in the
// page only.
import { askChain, askModel } from './ask.js';
import { byId, element, setText } from './dom.js';
import { inputOf } from './form.js';
import { attemptText, cost, number, seconds } from './text.js';

export class Pane {
  constructor(n) {
    this.name = byId(`name-${n}`);
    this.turns = byId(`pane-${n}`).querySelector('.turns');
    this.messages = []; // of the conversation so far, whole answers only
  }

  // use chooses who is asked, and begins a conversation.
  use(target) {
    this.target = target;
    setText(this.name, target.id);
    this.clear();
  }

  clear() {
    this.messages = [];
    this.turns.replaceChildren();
  }

  // ask asks the target, and resolves when it has answered or failed.
  async ask(texts, signal) {
    const { target } = this;
    const turn = new Turn(target.chain ? Object.entries(texts).map(([k, v]) => `${k}: ${v}`).join('\n') : texts.prompt);
    this.turns.append(turn.element);
    this.turns.setAttribute('aria-busy', 'true'); // what streams is read out when it is whole
    try {
      if (target.chain) {
        await askChain(target.chain, inputOf(target.fields, texts), turn, signal);
      } else {
        const asked = { role: 'user', content: texts.prompt };
        const system = texts.system ? [{ role: 'system', content: texts.system }] : [];
        const text = await askModel(target.id, [...system, ...this.messages, asked], turn, signal);
        this.messages.push(asked, { role: 'assistant', content: text });
      }
    } catch (e) {
      turn.fail(signal.aborted ? 'Stopped.' : e.message, !target.chain);
    } finally {
      this.turns.setAttribute('aria-busy', 'false');
    }
  }
}

// Turn is a question and its answer.
class Turn {
  constructor(question) {
    this.body = element('div', { class: 'answer' });
    this.element = element('article', {}, element('p', { class: 'question' }, question), this.body);
    this.began = performance.now();
  }

  // text adds a piece of the answer. Whoever reads further up is not moved.
  text(piece) {
    const below = document.documentElement;
    const follows = below.scrollHeight - below.scrollTop - below.clientHeight < 80;
    this.thought?.removeAttribute('open');
    if (!this.current) this.body.append((this.current = element('div', { class: 'text' })));
    this.current.append(piece);
    if (follows) this.element.scrollIntoView({ block: 'end' });
  }

  thinking(piece) {
    if (!this.thought) {
      this.thoughts = element('div', { class: 'text' });
      this.thought = element('details', { class: 'thinking', open: true }, element('summary', {}, 'Thinking'), this.thoughts);
      this.body.append(this.thought);
    }
    this.thoughts.append(piece);
  }

  // step begins a step of a chain.
  step(name) {
    this.heading = element('h3', {}, name || 'answer');
    this.current = element('div', { class: 'text' });
    this.body.append(this.heading, this.current);
  }

  stepEnd(route) {
    if (route) this.heading?.append(element('small', {}, ` ${route.provider}/${route.model}, ${seconds(route.total_ns)}`));
  }

  // output shows a chain's value, where it is more than the text.
  output(value) {
    if (value !== null && typeof value === 'object') {
      this.body.append(element('h3', {}, 'Result'), element('pre', { class: 'text', tabindex: '0' }, JSON.stringify(value, null, 2)));
    }
  }

  // call shows who answered, and why.
  call(c) {
    const r = c.route;
    const facts = [];
    const fact = (name, value) => value && facts.push(element('div', {}, element('dt', {}, name), element('dd', {}, value)));
    fact('Answered by', `${c.provider ?? r?.provider ?? ''}/${c.model ?? r?.model ?? ''}`);
    const sent = (r?.attempts ?? []).filter((a) => a.sent_to && !a.local && a.outcome !== 'answered').map((a) => a.sent_to);
    const where = [r?.local ? 'this machine' : r?.endpoint, ...new Set(sent.map((s) => `the prompt also went to ${s}`))];
    if (r?.local && !sent.length && c.local === false) where.push('other steps elsewhere');
    if (r) fact('Where', where.join(', '));
    if (r) fact('Why', r.reason);
    if (c.usage) fact('Tokens', `${number(c.usage.input_tokens)} in, ${number(c.usage.output_tokens)} out`);
    fact('Time', c.took_ns ? seconds(c.took_ns) : seconds((performance.now() - this.began) * 1e6));
    if (r) fact('Cost', cost(c.cost ? c : r));
    const notes = [...(c.notes ?? []), ...(r?.warnings ?? [])];
    if (c.finish === 'length') notes.push('cut at the limit of tokens');
    const attempts = r?.attempts ?? c.attempts ?? [];
    this.element.append(element('footer', { class: 'route' }, element('dl', {}, ...facts),
      ...notes.map((n) => element('p', {}, n)),
      attempts.length > 1 ? element('ol', {}, ...attempts.map((a) => element('li', {}, attemptText(a)))) : ''));
  }

  // fail marks the answer as not whole.
  fail(message, forgotten) {
    const more = forgotten ? ' This turn is not part of the conversation.' : '';
    this.element.append(element('p', { class: 'error', role: 'alert' }, message + more));
  }
}
