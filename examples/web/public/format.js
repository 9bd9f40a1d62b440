// Times and names as people read them.
import { lang, locale, t } from "./i18n.js";

const cache = new Map();
function formatter(name, options) {
  const key = `${lang.value}:${name}`;
  if (!cache.has(key)) cache.set(key, new Intl.DateTimeFormat(locale(), options));
  return cache.get(key);
}

const dayOf = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
const DAY = 86_400_000;
const daysAgo = (date) => Math.round((dayOf(new Date()) - dayOf(date)) / DAY);

export const clock = (iso) =>
  formatter("clock", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(new Date(iso));

export const fullTime = (iso) => formatter("full", { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));

/** A separator between days. */
export function dayLabel(iso) {
  const date = new Date(iso);
  const ago = daysAgo(date);
  if (ago === 0) return t("today");
  if (ago === 1) return t("yesterday");
  const thisYear = date.getFullYear() === new Date().getFullYear();
  return thisYear
    ? formatter("day", { month: "long", day: "numeric", weekday: "long" }).format(date)
    : formatter("dayYear", { year: "numeric", month: "long", day: "numeric" }).format(date);
}

/** Short enough for the list. */
export function listTime(iso) {
  if (!iso) return "";
  const date = new Date(iso);
  const ago = daysAgo(date);
  if (ago === 0) return clock(iso);
  if (ago === 1) return t("yesterday");
  if (ago > 1 && ago < 7) return formatter("week", { weekday: "short" }).format(date);
  return formatter("short", { year: "2-digit", month: "numeric", day: "numeric" }).format(date);
}

export const sameDay = (a, b) => dayOf(new Date(a)) === dayOf(new Date(b));

/** One line for the list: newlines and runs of spaces become one space. */
export const oneLine = (text) => (text ?? "").replace(/\s+/g, " ").trim().slice(0, 200);

/** First letters for an avatar: one for ideographs and emoji, two for words. */
export function initials(name) {
  const words = (name ?? "").trim().split(/[\s_-]+/).filter(Boolean);
  if (words.length === 0) return "?";
  const first = (word) => {
    const segments = new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(word);
    return segments[Symbol.iterator]().next().value.segment;
  };
  const one = first(words[0]);
  if (words.length === 1 || !/^\p{L}/u.test(words[1]) || /\p{Script=Han}/u.test(one)) return one.toUpperCase();
  return (one + first(words[1])).toUpperCase();
}

/** One of 8 avatar colours, always the same for the same id. */
export function colourOf(id) {
  let hash = 7;
  for (const char of String(id)) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return ((hash ^ (hash >>> 15)) >>> 3) % 8; // ids that follow each other shall not look alike
}

/** What a conversation is called. */
export function titleOf(conversation) {
  if (!conversation) return "";
  const { type, target } = conversation;
  if (type === "world") return t("world");
  return type === "single" ? target.nickname || target.username || t("someone") : target.groupName;
}
