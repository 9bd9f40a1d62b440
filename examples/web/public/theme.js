// Runs before the first paint (a plain script, not a module), so that a dark page does not flash white.
(() => {
  const theme = localStorage.getItem("gochat.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
