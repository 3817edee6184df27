// @ts-check
/** Which page an address is, and going from one to another without loading anything anew. */

/** @typedef {{ node: Node, title: string, close?: () => void }} Page what a page shows, and what ends it */
/** @typedef {(place: Place) => Page | Promise<Page>} Opener */
/** @typedef {{ path: string, parts: Record<string, string>, query: URLSearchParams, state: any }} Place */

/** @type {{ pattern: string[], open: Opener, guest: boolean }[]} */
const routes = [];
/** @type {(page: Page, place: Place) => void} */
let show = () => {};
/** @type {() => boolean} */
let mayEnter = () => true;
/** @type {Page | null} */
let current = null;
let turn = 0;

/** A page at `/user/:name`. Guests may see it if they may. @param {string} path @param {Opener} open @param {{ guest?: boolean }} [how] */
export function route(path, open, { guest = false } = {}) {
  routes.push({ pattern: split(path), open, guest });
}

/** @param {string} path */
function split(path) {
  return path.split('/').filter(Boolean);
}

/** Begins: `shown` puts a page into the window, `entered` says whether somebody is logged in. @param {{ shown: typeof show, entered: () => boolean }} how */
export function begin({ shown, entered }) {
  show = shown;
  mayEnter = entered;
  addEventListener('popstate', () => void open());
  document.addEventListener('click', (click) => {
    const link = click.target instanceof Element ? click.target.closest('a[href]') : null;
    if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute('download')) return;
    if (click.defaultPrevented || click.button !== 0 || click.metaKey || click.ctrlKey || click.shiftKey || click.altKey) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || !find(url.pathname)) return;
    click.preventDefault();
    go(url.pathname + url.search + url.hash);
  });
  void open();
}

/** Goes to a page. @param {string} path @param {{ replace?: boolean, state?: any }} [how] */
export function go(path, { replace = false, state = null } = {}) {
  if (replace) history.replaceState(state, '', path);
  else history.pushState(state, '', path);
  void open();
}

/** @param {string} path */
function find(path) {
  const segments = split(path);
  for (const route of routes) {
    if (route.pattern.length !== segments.length) continue;
    /** @type {Record<string, string>} */
    const parts = {};
    const fits = route.pattern.every((part, index) => {
      const segment = segments[index] ?? '';
      if (!part.startsWith(':')) return part === segment;
      try {
        parts[part.slice(1)] = decodeURIComponent(segment);
      } catch {
        return false;
      }
      return true;
    });
    if (fits) return { ...route, parts };
  }
  return null;
}

/** Shows the page of the address anew, as when somebody has logged in or out. */
export async function open() {
  const mine = (turn += 1);
  const found = find(location.pathname);
  if (!found || (!found.guest && !mayEnter())) {
    const back = location.pathname === '/' ? '' : `?${new URLSearchParams({ then: location.pathname + location.search })}`;
    go(found ? `/login${back}` : '/', { replace: true });
    return;
  }
  const place = { path: location.pathname, parts: found.parts, query: new URLSearchParams(location.search), state: history.state };
  const page = await found.open(place);
  // Meanwhile somebody may have gone elsewhere.
  if (mine !== turn) {
    page.close?.();
    return;
  }
  current?.close?.();
  current = page;
  document.title = page.title ? `${page.title} · Goldcrest` : 'Goldcrest';
  show(page, place);
}
