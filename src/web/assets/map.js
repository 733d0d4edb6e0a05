// Keeps the figures of the map page fresh. The page is whole without it.
(() => {
  "use strict";
  const state = document.getElementById("updated");
  if (!state || !window.fetch) return;
  const EVERY_MS = 4000;
  const SLOWEST_MS = 60000;
  let wait = EVERY_MS;

  const each = (attribute, values, change) => {
    document.querySelectorAll(`[${attribute}]`).forEach((element) => {
      const value = values[element.getAttribute(attribute)];
      if (value !== undefined) change(element, value);
    });
  };

  const show = (shown) => {
    each("data-text", shown.texts, (element, text) => {
      if (element.textContent === text) return;
      element.textContent = text;
      element.classList.remove("fresh");
      void element.offsetWidth; // starts the highlight anew
      element.classList.add("fresh");
    });
    each("data-bar", shown.bars, (element, percent) => element.setAttribute("width", `${percent}%`));
    each("data-flag", shown.flags, (element, on) => element.setAttribute("data-on", String(on)));
  };

  const refresh = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(state.dataset.poll, { headers: { Accept: "application/json" } });
        if (!answer.ok) throw new Error(String(answer.status));
        show((await answer.json()).shown);
        state.classList.remove("stale");
        wait = EVERY_MS;
      } catch {
        state.classList.add("stale");
        wait = Math.min(wait * 2, SLOWEST_MS);
      }
    }
    setTimeout(refresh, wait);
  };

  state.classList.add("live");
  setTimeout(refresh, wait);
})();
