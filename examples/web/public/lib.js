// The one place that knows where the UI library lives: the rest imports from here.
import { h } from "./vendor/preact.js";
import htm from "./vendor/htm.js";

export { render } from "./vendor/preact.js";
export { useEffect, useLayoutEffect, useRef, useState, useMemo, useId } from "./vendor/preact-hooks.js";
export { signal, computed, effect, batch, untracked } from "./vendor/signals.js";
export const html = htm.bind(h);

/** Joins class names, leaving out what is falsy. */
export const cx = (...names) => names.filter(Boolean).join(" ");
