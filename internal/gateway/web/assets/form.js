// The fields of what is asked: a chain's inputs, or a prompt.
import { element } from './dom.js';

// promptFields are those of a model.
export const promptFields = [
  { name: 'system', label: 'System prompt', type: 'string', short: true },
  { name: 'prompt', label: 'Prompt', type: 'string', required: true },
];

// chainFields are those of a chain, from the JSON Schema of its inputs.
export function chainFields(schema) {
  return Object.entries(schema.properties).map(([name, p]) => ({
    name, label: name, type: p.type, hint: p.description, initial: p.default, required: schema.required.includes(name),
  }));
}

const hints = { array: 'one entry a line', object: 'a JSON object' };

// show makes the fields, and keeps what was typed into those of the same name.
export function show(box, fields, given) {
  const typed = { ...values(box), ...given };
  box.replaceChildren(...fields.map((f) => field(f, typed[f.name] ?? written(f.initial, f.type))));
}

// values are the texts of all fields, by name.
export function values(box) {
  const out = {};
  for (const e of box.querySelectorAll('[name]')) {
    const text = e.type === 'checkbox' ? String(e.checked) : e.value;
    if (text !== '' && text !== 'false') out[e.name] = text;
  }
  return out;
}

function written(value, type) {
  if (value === undefined || value === null) return '';
  if (type === 'array') return value.map((v) => (typeof v === 'string' ? v : JSON.stringify(v))).join('\n');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function field(f, text) {
  const id = `field-${f.name}`;
  const hint = [f.hint, hints[f.type]].filter(Boolean).join('; ');
  const common = { id, name: f.name, required: f.required && f.type !== 'boolean', 'aria-describedby': hint ? `${id}-hint` : undefined };
  let input;
  if (f.type === 'boolean') {
    input = element('input', { ...common, type: 'checkbox' });
    input.checked = text === 'true';
  } else if (f.type === 'number' || f.type === 'integer') {
    input = element('input', { ...common, type: 'number', step: 'any' });
    input.value = text;
  } else {
    input = element('textarea', { ...common, rows: f.short ? 1 : 3 });
    input.value = text;
  }
  const label = element('label', { for: id }, f.label, f.required ? '' : element('small', {}, ' (optional)'));
  const parts = f.type === 'boolean' ? [element('div', { class: 'check' }, input, label)] : [label, input];
  if (hint) parts.push(element('small', { id: `${id}-hint`, class: 'hint' }, hint));
  return element('div', { class: 'field' }, ...parts);
}

// inputOf is a chain's input, of the types that it wants. Errors: an Error that names
// the field.
export function inputOf(fields, texts) {
  const out = {};
  for (const f of fields) {
    const text = texts[f.name];
    if (f.type === 'boolean') out[f.name] = text === 'true';
    else if (text === undefined) continue;
    else if (f.type === 'number' || f.type === 'integer') out[f.name] = Number(text);
    else if (f.type === 'array') out[f.name] = text.split('\n').filter((line) => line.trim() !== '');
    else if (f.type === 'object') out[f.name] = parsed(f.name, text);
    else out[f.name] = text;
  }
  return out;
}

function parsed(name, text) {
  try {
    return JSON.parse(text);
  } catch (e) {
    throw new Error(`${name}: not JSON (${e.message})`);
  }
}
