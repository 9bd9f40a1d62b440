// Line icons, drawn for this page; they take the colour of the text around them.
import { html } from "../lib.js";

const PATHS = {
  send: "M4 12 20 4l-4.5 16-4-6.5zM11.5 13.5 20 4",
  smile: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8.5 14.2a4.2 4.2 0 0 0 7 0M9 9.5v.3M15 9.5v.3",
  back: "M14.5 5 8 12l6.5 7",
  close: "M6 6l12 12M18 6 6 18",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20 20",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5.5M12 7.6v.2",
  more: "M12 5.5v.1M12 12v.1M12 18.5v.1",
  users: "M9 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM2.8 19.5c.4-3.4 3-5 6.2-5s5.800 1.600 6.200 5M16 5a3.300 3.300 0 0 1 0 6.300M17.500 14.800c2.200.600 3.500 2.200 3.700 4.700",
  user: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.500 20c.5-3.700 3.600-5.500 7.500-5.500s7 1.800 7.500 5.500",
  userPlus: "M10 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM2.500 20c.5-3.700 3.600-5.500 7.500-5.500 2 0 3.800.5 5.100 1.400M18.500 15v6M15.500 18h6",
  chat: "M12 4c-5 0-8.500 3.200-8.500 7.300 0 2.400 1.200 4.500 3.300 5.900L6 20.500l4-1.900c.6.1 1.300.2 2 .2 5 0 8.500-3.300 8.500-7.500S17 4 12 4z",
  globe: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3.200 12h17.600M12 3c2.500 2.500 3.700 5.500 3.700 9S14.500 18.500 12 21c-2.500-2.500-3.700-5.500-3.700-9S9.500 5.500 12 3z",
  plus: "M12 5v14M5 12h14",
  check: "M5 12.500 10 17.500 19.500 7",
  clock: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4.300l2.800 1.700",
  alert: "M12 4 2.800 19.500h18.400zM12 10v4.500M12 17v.1",
  down: "M12 5v13M6 12.500l6 6 6-6",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4",
  logout: "M10 4H5.500v16H10M14 8l4 4-4 4M8.500 12H18",
  copy: "M9 9h10v11H9zM5 15V4h10",
  reply: "M10 6 4 12l6 6M4.500 12H13c4 0 6.500 2 7 6",
  undo: "M8 5 4 9l4 4M4.500 9H14a5 5 0 0 1 0 10h-3",
  retry: "M19.500 12a7.500 7.500 0 1 1-2.300-5.400M19.500 4v4h-4",
  eye: "M2.500 12C5 7.500 8.300 5.500 12 5.500s7 2 9.500 6.500c-2.500 4.500-5.800 6.500-9.500 6.500S5 16.500 2.500 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  trash: "M5 7h14M9.500 7V4.500h5V7M7 7l1 13h8l1-13",
  edit: "M5 19l1-4L16.500 4.500l3 3L9 18zM14 7l3 3",
  crown: "M4 8l4 4 4-6.500 4 6.500 4-4-1.500 10h-13z",
  shield: "M12 3.500 5 6v5.500c0 4.300 2.900 7.400 7 9 4.100-1.600 7-4.700 7-9V6z",
  mute: "M5 10v4h3l4.500 4V6L8 10zM16.500 10l4 4M20.500 10l-4 4",
  keyboard: "M3 7h18v10.500H3zM7 10.500v.1M10.500 10.500v.1M14 10.500v.1M17.500 10.500v.1M8 14.200h8",
  hide: "M4 5h16v4H4zM5.500 9v10h13V9M10 13h4",
};

export function Icon({ name, size = 20, label }) {
  const aria = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
  return html`<svg class="icon" width=${size} height=${size} viewBox="0 0 24 24" fill="none" stroke="currentColor"
    stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" ...${aria}><path d=${PATHS[name]} /></svg>`;
}

/** A round button with an icon only; `label` is what it is called. */
export const IconButton = ({ icon, label, size = 20, class: extra = "", ...rest }) =>
  html`<button type="button" class=${`icon-button ${extra}`} aria-label=${label} title=${label} ...${rest}>
    <${Icon} name=${icon} size=${size} />
  </button>`;
