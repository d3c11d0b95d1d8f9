// Light, dark, or as the system has it. Before anything is drawn, so that nothing flashes.
"use strict";
(() => {
  const order = ["system", "light", "dark"];
  const key = "zeta-theme";
  let now = "system";
  try {
    const kept = localStorage.getItem(key);
    now = order.includes(kept) ? kept : "system";
  } catch {
    // A browser that keeps nothing has the system's.
  }
  const apply = () => {
    document.documentElement.dataset.theme = now;
    const button = document.getElementById("theme");
    if (button) button.textContent = `Theme: ${now}`;
  };
  apply();
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme")?.addEventListener("click", () => {
      now = order[(order.indexOf(now) + 1) % order.length];
      try {
        localStorage.setItem(key, now);
      } catch {
        // It holds until the page is left.
      }
      apply();
    });
  });
})();
