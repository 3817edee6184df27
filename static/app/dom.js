// @ts-check
/** Elements out of values: text is always text, so nothing that somebody wrote becomes markup. */

/** @typedef {Node | string | number | null | undefined | false | Child[]} Child */

/**
 * An element: `h('button.primary', { type: 'button', onclick: send }, 'Send')`. What follows the name by dots are classes.
 * Values that are functions become listeners (`onclick`), booleans set an attribute or leave it out, `null` leaves it out.
 *
 * @param {string} name
 * @param {Record<string, any> | null} [attributes]
 * @param {...Child} children
 * @returns {HTMLElement}
 */
export function h(name, attributes, ...children) {
  const [tag, ...classes] = name.split('.');
  const element = document.createElement(tag || 'div');
  if (classes.length) element.className = classes.join(' ');
  assign(element, attributes ?? {});
  fill(element, children);
  return element;
}

/** An element of a drawing. @param {string} tag @param {Record<string, string>} attributes @param {...Node} children */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** @param {Element} element @param {Record<string, any>} attributes */
export function assign(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (name === 'class') element.classList.add(...String(value).split(' ').filter(Boolean));
    else if (name === 'value' || name === 'checked' || name === 'indeterminate') /** @type {any} */ (element)[name] = value;
    else if (value === true) element.setAttribute(name, '');
    else if (value === false || value === null || value === undefined) element.removeAttribute(name);
    else element.setAttribute(name, String(value));
  }
}

/** Puts these in the place of what is there. @param {Element} element @param {Child[]} children */
export function fill(element, children) {
  element.replaceChildren(...nodes(children));
}

/** @param {Child[]} children @returns {Node[]} */
function nodes(children) {
  return children.flatMap((child) => {
    if (child === null || child === undefined || child === false) return [];
    if (Array.isArray(child)) return nodes(child);
    return [child instanceof Node ? child : document.createTextNode(String(child))];
  });
}

/** Screen readers begin to read where the focus is: at the page's heading. */
export function focusHeading() {
  const heading = /** @type {HTMLElement | null} */ (document.querySelector('#main h1'));
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}
