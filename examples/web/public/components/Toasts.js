// Short notices, and what is said to screen readers.
import { html, cx } from "../lib.js";
import { t } from "../i18n.js";
import { announcement, dismissToast, toasts } from "../ui-state.js";
import { IconButton } from "./Icon.js";

export const Toasts = () => html`<div class="toasts" role="status" aria-live="polite">
  ${toasts.value.map(
    (toast) => html`<div class=${cx("toast", toast.kind === "error" && "is-error")} key=${toast.id}>
      <span dir="auto">${toast.text}</span>
      <${IconButton} icon="close" size=${16} label=${t("dismiss")} onClick=${() => dismissToast(toast.id)} />
    </div>`,
  )}
</div>`;

export const Announcer = () => html`<div class="sr-only" role="log" aria-live="polite" aria-atomic="true">
  ${announcement.value}
</div>`;
