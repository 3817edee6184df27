// Light or dark, before the first thing is drawn: what was chosen in the settings, or what the system says.
(() => {
  let look = null;
  try {
    look = localStorage.getItem('goldcrest:look');
  } catch {
    // A browser may forbid to keep anything.
  }
  if (look === 'light' || look === 'dark') document.documentElement.dataset.look = look;
})();
