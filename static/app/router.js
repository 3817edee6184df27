// @ts-check
/** Which page an address is, and going from one to another without loading anything anew. */

/**
 * What a page shows, and what ends it.
 *
 * @typedef {object} Page
 * @property {Node} node
 * @property {string} title what the window is called; `shell.retitle` changes it later
 * @property {() => void} [close] called when another page takes its place
 * @property {() => void} [focus] puts the focus where it belongs; without it, on the heading
 * @property {Node | null} [details] what stands at the right of a wide window
 * @property {boolean} [immersive] whether it takes all of a phone's window, without the bar below
 * @property {boolean} [bare] whether it stands alone, as pages for guests do
 */
/** @typedef {(place: Place) => Page | Promise<Page>} Opener */
/** @typedef {{ path: string, parts: Record<string, string>, query: URLSearchParams, state: any }} Place */
/**
 * @typedef {object} How
 * @property {(page: Page, place: Place) => void} shown puts a page into the window
 * @property {() => boolean} entered whether somebody is logged in
 * @property {Opener} missing the page of an address that there is not
 * @property {(error: unknown, place: Place) => Page} failed the page in the place of one that cannot be opened
 * @property {(going: boolean) => void} [going] a page is being fetched, or no more
 */

/** @type {{ pattern: string[], open: Opener, guest: boolean }[]} */
const routes = [];
/** @type {How | null} */
let how = null;
/** @type {Page | null} */
let current = null;
let turn = 0;
let returning = false;

/** A page at `/user/:name`. Guests may see it if they may. @param {string} path @param {Opener} open @param {{ guest?: boolean }} [options] */
export function route(path, open, { guest = false } = {}) {
  routes.push({ pattern: split(path), open, guest });
}

/** @param {string} path */
function split(path) {
  return path.split('/').filter(Boolean);
}

/** Begins. @param {How} wanted */
export function begin(wanted) {
  how = wanted;
  addEventListener('popstate', () => {
    returning = true;
    void open();
  });
  document.addEventListener('click', (click) => {
    const link = click.target instanceof Element ? click.target.closest('a[href]') : null;
    if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute('download')) return;
    if (click.defaultPrevented || click.button !== 0 || click.metaKey || click.ctrlKey || click.shiftKey || click.altKey) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || !find(url.pathname)) return;
    // A place within this page is the browser's own affair.
    if (url.hash && url.pathname === location.pathname && url.search === location.search) return;
    click.preventDefault();
    go(url.pathname + url.search + url.hash);
  });
  void open();
}

/** Goes to a page. @param {string} path @param {{ replace?: boolean, state?: any }} [options] */
export function go(path, { replace = false, state = null } = {}) {
  if (replace) history.replaceState(state, '', path);
  else history.pushState(state, '', path);
  returning = false;
  void open();
}

/** Shows this in the place of the page, at once, and of any that is on its way. @param {Page} page */
export function replace(page) {
  if (!how) return;
  turn += 1;
  how.going?.(false);
  show(page, { path: location.pathname, parts: {}, query: new URLSearchParams(), state: null });
}

/** @param {Page} page @param {Place} place */
function show(page, place) {
  current?.close?.();
  current = page;
  how?.shown(page, place);
}

/** Whether one came to the page by going back, or forth again. */
export const isReturning = () => returning;

/** Goes back where one came from, or to `path` if that was elsewhere. @param {string} path */
export function back(path) {
  if (/** @type {any} */ (globalThis).navigation?.canGoBack) history.back();
  else go(path, { replace: true });
}

/** An address of this app out of what somebody may have made up, or `/`. @param {string | null} wanted */
export function own(wanted) {
  if (!wanted) return '/';
  try {
    const url = new URL(wanted, location.origin);
    return url.origin === location.origin && find(url.pathname) ? url.pathname + url.search : '/';
  } catch {
    return '/';
  }
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
  if (!how) return;
  const mine = (turn += 1);
  const found = find(location.pathname);
  if (found && !found.guest && !how.entered()) {
    const back = location.pathname === '/' ? '' : `?${new URLSearchParams({ then: location.pathname + location.search })}`;
    go(`/login${back}`, { replace: true });
    return;
  }
  const place = {
    path: location.pathname,
    parts: found?.parts ?? {},
    query: new URLSearchParams(location.search),
    state: history.state,
  };
  const waiting = setTimeout(() => how?.going?.(true), 150);
  /** @type {Page} */
  let page;
  try {
    page = await (found?.open ?? how.missing)(place);
  } catch (error) {
    page = how.failed(error, place);
  } finally {
    clearTimeout(waiting);
  }
  // Meanwhile somebody may have gone elsewhere.
  if (mine !== turn) {
    page.close?.();
    return;
  }
  how.going?.(false);
  show(page, place);
}
