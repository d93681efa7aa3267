/* Nodes: made once, then changed in place, so that focus, selection and scroll stay. */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * Makes an element. Children are nodes or strings; a string becomes text, never markup. An attribute
 * that is false is left out, and one that begins with "on" is a listener.
 */
export function element(name, attributes = {}, ...children) {
  return furnish(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return furnish(document.createElementNS(SVG, name), attributes, children);
}

function furnish(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) {
      node.addEventListener(name.slice(2), value);
    } else if (value !== false) {
      node.setAttribute(name, value === true ? '' : value);
    }
  }
  node.append(...children);
  return node;
}

/** Sets the text of a node that holds nothing else; untouched when it is the same. */
export function setText(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

/** Sets an attribute, or removes it when the value is false. */
export function setAttribute(node, name, value) {
  if (value === false) {
    node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, value);
  }
}

export function show(node, shown) {
  if (node.hidden === shown) {
    node.hidden = !shown;
  }
}

const PARTS = new WeakMap();

/**
 * Makes the children of a parent those of the items, in their order: kept by key, and moved only when
 * they have to be. `create(item)` answers {node, update(item)}. Focus stays where it was; when its row
 * is gone it goes to the row that took the place.
 */
export function keyed(parent, items, keyOf, create) {
  const parts = PARTS.get(parent) ?? new Map();
  PARTS.set(parent, parts);
  const focus = focusWithin(parent);
  const wanted = new Set(items.map(keyOf));
  for (const [key, part] of parts) {
    if (!wanted.has(key)) {
      part.node.remove();
      parts.delete(key);
    }
  }
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const part = parts.get(key) ?? create(item);
    parts.set(key, part);
    part.update(item);
    if (part.node === place) {
      place = place.nextElementSibling;
    } else {
      parent.insertBefore(part.node, place);
    }
  }
  if (focus !== null && document.activeElement !== focus.node) {
    restore(parent, focus);
  }
}

function focusWithin(parent) {
  const node = document.activeElement;
  if (node === null || node === parent || !parent.contains(node)) {
    return null;
  }
  const row = [...parent.children].findIndex((child) => child.contains(node));
  return { node, row };
}

function restore(parent, { node, row }) {
  if (node.isConnected) {
    node.focus({ preventScroll: true });
    return;
  }
  const rows = parent.children;
  const heir = rows[Math.min(row, rows.length - 1)];
  const target = heir?.querySelector('a[href], button') ?? document.querySelector('main h1');
  target?.focus({ preventScroll: true });
}

/** A table that scrolls by itself where the page is narrow; answers {node, body}. */
export function table(name, columns) {
  const body = element('tbody', { role: 'rowgroup' });
  const heads = columns.map((column) =>
    element(
      'th',
      { scope: 'col', role: 'columnheader', class: column.class ?? false },
      column.name,
    ),
  );
  const node = element(
    'table',
    { role: 'table' },
    element('caption', { class: 'unseen' }, name),
    element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' }, ...heads)),
    body,
  );
  return { node, body };
}

/** A cell; the roles are said, because a narrow page lays rows out as cards. */
export function cell(className, ...children) {
  return element('td', { role: 'cell', class: className }, ...children);
}
