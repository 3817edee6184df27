// Gives the commands on the page the address that it came from, and buttons that copy them.
'use strict';

for (const block of document.querySelectorAll('.code')) {
  const code = block.querySelector('code');
  const text = code.textContent.replaceAll('http://127.0.0.1:8080', location.origin);
  code.textContent = text.replaceAll('ws://127.0.0.1:8080', location.origin.replace(/^http/, 'ws'));
  const button = block.querySelector('.copy');
  // Browsers let only pages that came securely, or from this machine, write to the clipboard.
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Not allowed';
    }
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  });
}

// On a narrow screen the contents would push the page itself out of sight.
const contents = document.querySelector('.contents');
const narrow = matchMedia('(max-width: 60rem)');
const fold = () => { if (contents) contents.open = !narrow.matches; };
fold();
narrow.addEventListener('change', fold);
for (const link of document.querySelectorAll('.contents a')) {
  link.addEventListener('click', () => { if (narrow.matches) contents.open = false; });
}
