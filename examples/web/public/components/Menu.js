// One pop-up menu for the whole page: for messages, members, and buttons with three dots.
import { html, signal, useEffect, useLayoutEffect, useRef, cx } from "../lib.js";
import { Icon } from "./Icon.js";

const menu = signal(null);

/** Opens `items` (`{icon, label, run, danger}`) at an event's pointer, or below its element. */
export function openMenu(event, items, label) {
  event.preventDefault();
  event.stopPropagation();
  const shown = items.filter(Boolean);
  if (shown.length === 0) return;
  const box = event.currentTarget.getBoundingClientRect();
  const pointed = event.type === "contextmenu" && (event.clientX || event.clientY);
  const at = pointed ? { x: event.clientX, y: event.clientY } : { x: box.left, y: box.bottom + 4 };
  menu.value = { items: shown, label, ...at, from: document.activeElement };
}

function close(returnFocus = true) {
  const from = menu.value?.from;
  menu.value = null;
  if (returnFocus && from?.isConnected) from.focus({ preventScroll: true });
}

export const MenuHost = () => menu.value && html`<${Menu} ...${menu.value} />`;

function Menu({ items, label, x, y }) {
  const ref = useRef();
  useLayoutEffect(() => {
    const box = ref.current;
    const { offsetWidth: width, offsetHeight: height } = box; // not the rectangle: that is being animated
    box.style.left = `${Math.max(8, Math.min(x, innerWidth - width - 8))}px`;
    box.style.top = `${Math.max(8, y + height > innerHeight - 8 ? y - height - 8 : y)}px`;
    box.querySelector("button").focus({ preventScroll: true });
  }, [items, x, y]);
  useEffect(() => {
    const outside = (event) => ref.current?.contains(event.target) || close(false);
    const gone = () => close(false);
    addEventListener("pointerdown", outside, true);
    addEventListener("resize", gone);
    return () => {
      removeEventListener("pointerdown", outside, true);
      removeEventListener("resize", gone);
    };
  }, []);
  const onKeyDown = (event) => {
    const buttons = [...ref.current.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to !== undefined) buttons.at(to % buttons.length).focus();
    else if (event.key === "Escape" || event.key === "Tab") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const pick = (item) => () => {
    close();
    item.run();
  };
  return html`<div class="menu" role="menu" aria-label=${label} ref=${ref} onKeyDown=${onKeyDown}>
    ${items.map(
      (item) => html`<button type="button" role="menuitem" tabindex="-1" key=${item.label}
        class=${cx(item.danger && "danger")} onClick=${pick(item)}>
        <${Icon} name=${item.icon} size=${18} />${item.label}
      </button>`,
    )}
  </div>`;
}
