// Elements, made with text only: nothing that a server or a model wrote is ever markup.

export const byId = (id) => document.getElementById(id);

// element makes an element. Attributes that are false or undefined are left out.
export function element(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) e.setAttribute(key, '');
    else if (value !== false && value !== undefined) e.setAttribute(key, value);
  }
  e.append(...children);
  return e;
}

// setText changes an element's text where it differs, so that nothing is announced twice.
export function setText(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

// rows keeps the rows of a table by key: one that stays keeps its focus and what is open in it.
export function rows(body, items, keyOf, make, update) {
  const old = new Map([...body.children].map((row) => [row.dataset.key, row]));
  let at = body.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let row = old.get(key);
    old.delete(key);
    if (!row) {
      row = make(item);
      row.dataset.key = key;
    }
    if (row === at) at = at.nextElementSibling;
    else body.insertBefore(row, at);
    update(row, item);
  }
  for (const row of old.values()) row.remove();
}
