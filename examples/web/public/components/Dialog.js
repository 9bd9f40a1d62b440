// A modal on the native <dialog>: the browser keeps the focus inside, closes on Esc and gives the focus back.
import { html, useEffect, useId, useRef } from "../lib.js";
import { t } from "../i18n.js";
import { closeDialog } from "../ui-state.js";
import { IconButton } from "./Icon.js";

export function Dialog({ title, children, onClose = closeDialog, small = false }) {
  const ref = useRef();
  const id = useId();
  useEffect(() => {
    const box = ref.current;
    if (!box.open) box.showModal();
    box.querySelector("[data-autofocus]")?.focus();
    return () => box.open && box.close();
  }, []);
  const backdrop = (event) => event.target === ref.current && onClose();
  const cancel = (event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog class=${small ? "dialog small" : "dialog"} ref=${ref} aria-labelledby=${id}
    onCancel=${cancel} onPointerDown=${backdrop}>
    <div class="dialog-body">
      <header class="dialog-head">
        <h2 id=${id}>${title}</h2>
        <${IconButton} icon="close" label=${t("close")} onClick=${onClose} />
      </header>
      ${children}
    </div>
  </dialog>`;
}

/** A labelled input. */
export function Field({ label, hint, error, value, onValue, inputRef, ...rest }) {
  const id = useId();
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <input id=${id} ref=${inputRef} value=${value} onInput=${(event) => onValue(event.target.value)} dir="auto"
      aria-invalid=${error ? "true" : undefined} aria-describedby=${hint || error ? `${id}-hint` : undefined} ...${rest} />
    ${(error || hint) && html`<small id=${`${id}-hint`} class=${error ? "error" : ""}>${error || hint}</small>`}
  </div>`;
}
