// Light, dark, or as the system has it.
import { signal, effect } from "./lib.js";

const KEY = "gochat.theme";
const stored = localStorage.getItem(KEY);
export const theme = signal(["light", "dark"].includes(stored) ? stored : "system");

export function setTheme(value) {
  if (value === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, value);
  theme.value = value;
}

effect(() => {
  const root = document.documentElement;
  if (theme.value === "system") delete root.dataset.theme;
  else root.dataset.theme = theme.value;
});
