// What is shown where there is nothing to show.
import { html } from "../lib.js";
import { Icon } from "./Icon.js";

export function Empty({ icon, title, hint, children }) {
  return html`<div class="empty">
    <span class="empty-icon"><${Icon} name=${icon} size=${36} /></span>
    <p class="empty-title">${title}</p>
    ${hint && html`<p class="muted">${hint}</p>`}
    ${children}
  </div>`;
}
