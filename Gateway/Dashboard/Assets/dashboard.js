// Keeps an open page up to date. Everything it shows was rendered, and encoded, by the server; without it the page is complete, but stands still.
(() => {
  'use strict';

  const texts = document.body.dataset;
  const live = document.getElementById('live');
  if (!texts.events || !live || !window.EventSource) {
    return;
  }

  const ages = texts.ages.split('|');
  const dot = document.createElement('span');
  const label = document.createElement('span');
  const toggle = document.createElement('button');
  dot.className = 'dot';
  toggle.type = 'button';
  toggle.className = 'quiet';
  live.append(dot, label, toggle);

  let source = null;
  let paused = false;

  // The directory's clock, as far as it is known here.
  let now = Number(texts.now);
  let heard = performance.now();

  function show(state) {
    live.className = state;
    live.dataset.state = state;
    label.textContent = state === 'on' ? texts.live : state === 'off' ? texts.lost : texts.paused;
    toggle.textContent = paused ? texts.resume : texts.pause;
  }

  function replace(id, html) {
    const old = document.getElementById(id);
    if (!old) {
      return;
    }

    const made = document.createElement('template');
    made.innerHTML = html;
    const fresh = made.content.firstElementChild;
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const scrolled = old.scrollLeft;
    old.replaceWith(fresh);
    fresh.scrollLeft = scrolled;
    if (focused) {
      const same = focused === old ? fresh
        : focused.id ? document.getElementById(focused.id)
          : [...fresh.querySelectorAll(focused.localName)].find((other) => other.getAttribute('href') === focused.getAttribute('href'));
      (same || document.getElementById('main')).focus({ preventScroll: true });
    }
  }

  function age(seconds) {
    const unit = seconds < 60 ? [0, 1] : seconds < 3600 ? [1, 60] : seconds < 172800 ? [2, 3600] : [3, 86400];
    return ages[unit[0]].replace('{0}', String(Math.floor(seconds / unit[1])));
  }

  // While the directory can't be read, nobody knows how much older anything is.
  function tick() {
    if (paused || document.hidden || document.querySelector('#status[data-outage]')) {
      return;
    }

    const present = now + performance.now() - heard;
    for (const element of document.querySelectorAll('[data-heard]')) {
      const text = age(Math.max(0, present - Number(element.dataset.heard)) / 1000);
      if (element.textContent !== text) {
        element.textContent = text;
      }
    }
  }

  function follow() {
    source = new EventSource(texts.events);
    source.addEventListener('live', () => show('on'));
    source.addEventListener('part', (event) => {
      const part = JSON.parse(event.data);
      replace(part.id, part.html);
    });
    source.addEventListener('text', (event) => {
      const part = JSON.parse(event.data);
      const element = document.getElementById(part.id);
      if (element && element.textContent !== part.html) {
        element.textContent = part.html;
      }
    });
    source.addEventListener('now', (event) => {
      now = Number(JSON.parse(event.data).html);
      heard = performance.now();
    });
    source.onerror = () => show('off');
  }

  toggle.addEventListener('click', () => {
    paused = !paused;
    if (paused) {
      source.close();
      show('paused');
    } else {
      show('off');
      follow();
    }
  });

  show('off');
  follow();
  setInterval(tick, 1000);
})();
