// The messages of one chat, and everything about scrolling: it opens at the first unread or at the newest, stays where the
// reader is when older ones are put in above, and follows the newest while the reader is at the end.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState, cx } from "../lib.js";
import { catchUp, older, open } from "../chat.js";
import { t, lang } from "../i18n.js";
import { dayLabel } from "../format.js";
import { trimmed } from "../log.js";
import { readUpTo } from "../live.js";
import { me } from "../session.js";
import { conversationOf, conversations, logOf, myRole, pending } from "../store.js";
import { attentive } from "../ui-state.js";
import { timeline } from "../timeline.js";
import { Empty } from "./Empty.js";
import { Icon } from "./Icon.js";
import { MessageItem } from "./MessageItem.js";

const NEAR_TOP = 500;
const NEAR_END = 60;
const KEEP = 400;

function Row({ row, byId, group, role }) {
  if (row.kind === "day") return html`<div class="day" role="separator"><span>${dayLabel(row.time)}</span></div>`;
  if (row.kind === "unread") return html`<div class="unread-line" role="separator" id="unread-line"><span>${t("unread")}</span></div>`;
  if (row.kind === "note") {
    const { key, name, role: next } = row.note;
    return html`<div class="note" dir="auto">${t(key, { name, role: next ? t(next) : "" })}</div>`;
  }
  const { message, mine, first, last } = row;
  const replied = message.replyTo ? byId.get(message.replyTo) ?? null : null;
  return html`<${MessageItem} message=${message} mine=${mine} first=${first} last=${last} group=${group} role=${role} replied=${replied} />`;
}

const Loading = () => html`<div class="bubbles-skeleton" aria-hidden="true">
  ${["", "mine", "short", "", "mine short", ""].map((kind, i) => html`<i class=${cx("sk-bubble", kind)} key=${i}></i>`)}
</div>`;

export function MessageList({ id }) {
  const conversation = conversations.value.get(id);
  const log = logOf(id).value;
  const waiting = pending.value;
  const box = useRef();
  const inner = useRef();
  const scroll = useRef({ stick: true, height: 0, lo: 0, placed: false, waiting: 0 });
  const [atEnd, setAtEnd] = useState(true);
  const [dividerSeq, setDivider] = useState(() => (conversation.unreadCount > 0 ? conversation.floor : null));
  const myId = me()?.userId;

  const rows = useMemo(
    () => timeline(log, waiting.filter((p) => p.conversationId === id), { dividerSeq, myId }),
    [log, waiting, dividerSeq, myId, lang.value],
  );
  const byId = useMemo(() => new Map(log.items.map((m) => [m.messageId, m])), [log.items]);
  const ownWaiting = waiting.filter((p) => p.conversationId === id).length;

  const toEnd = () => {
    box.current.scrollTop = box.current.scrollHeight;
  };

  /** Tells how far the reader has seen. */
  const read = () => {
    const list = box.current;
    if (!list || !attentive.peek() || !scroll.current.placed) return;
    const bottom = list.getBoundingClientRect().bottom + 4;
    const seen = [...inner.current.querySelectorAll("[data-seq]")].findLast((el) => el.getBoundingClientRect().bottom <= bottom);
    if (seen) readUpTo(id, Number(seen.dataset.seq));
  };

  useLayoutEffect(() => {
    const list = box.current;
    const now = scroll.current;
    if (ownWaiting > now.waiting) {
      now.stick = true;
      setDivider(null);
    }
    now.waiting = ownWaiting;
    if (!log.loaded) return;
    if (!now.placed) {
      now.placed = true;
      const line = list.querySelector("#unread-line");
      if (line) list.scrollTop = line.offsetTop - list.clientHeight / 3;
      else toEnd();
      now.stick = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_END;
    } else if (log.lo < now.lo && !now.stick) {
      list.scrollTop += list.scrollHeight - now.height;
    } else if (now.stick) {
      toEnd();
    }
    now.lo = log.lo;
    now.height = list.scrollHeight;
    setAtEnd(now.stick);
    if (now.stick && log.items.length > KEEP * 1.5) logOf(id).value = trimmed(log, KEEP);
    if (log.hasOlder && !log.loadingOlder && !log.olderFailed && list.scrollTop < NEAR_TOP && !now.stick) older(id);
    if (log.hasOlder && list.scrollHeight <= list.clientHeight) older(id);
    read();
  }, [rows, log]);

  useEffect(() => {
    // Follows the end when the window or the keyboard changes the room, or an image comes in.
    const watch = new ResizeObserver(() => {
      if (!box.current) return;
      if (scroll.current.stick) toEnd();
      scroll.current.height = box.current.scrollHeight;
      read();
    });
    watch.observe(box.current);
    watch.observe(inner.current);
    return () => watch.disconnect();
  }, []);

  useEffect(
    () =>
      attentive.subscribe((looks) => {
        const c = conversationOf(id);
        if (!looks || !c) return;
        if (c.unreadCount > 0 && scroll.current.placed) setDivider(c.floor);
        read();
      }),
    [id],
  );

  const onScroll = () => {
    const list = box.current;
    const now = scroll.current;
    now.stick = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_END;
    setAtEnd(now.stick);
    if (list.scrollTop < NEAR_TOP && log.hasOlder && !log.olderFailed) older(id);
    read();
  };
  const jump = () => {
    scroll.current.stick = true;
    toEnd();
    catchUp(id);
    document.getElementById("composer")?.focus({ preventScroll: true });
  };
  const onKeyDown = (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined || event.altKey) return;
    const all = [...inner.current.querySelectorAll(".msg")];
    const here = document.activeElement.closest?.(".msg");
    const at = here ? all.indexOf(here) : all.length;
    const target = all[Math.min(all.length - 1, Math.max(0, at + step))];
    target?.focus({ preventScroll: true });
    target?.scrollIntoView({ block: "nearest" });
    event.preventDefault();
  };

  const failed = log.failed && !log.loaded;
  const empty = log.loaded && log.items.length === 0 && ownWaiting === 0;
  return html`<div class="messages-frame">
    <div class="messages" ref=${box} tabindex="0" role="log" aria-live="off" aria-label=${t("message")} aria-busy=${!log.loaded}
      onScroll=${onScroll} onKeyDown=${onKeyDown}>
      <div class="messages-inner" ref=${inner}>
        ${log.loaded && log.hasOlder && html`<div class="older">${log.olderFailed
          ? html`<button type="button" class="link" onClick=${() => older(id)}>${t("loadFailed")} ${t("retry")}</button>`
          : html`<span class="spinner"></span>`}</div>`}
        ${log.loaded && !log.hasOlder && log.items.length > 0 && html`<div class="note">${t("start")}</div>`}
        ${!log.loaded && !failed && html`<${Loading} />`}
        ${failed && html`<${Empty} icon="alert" title=${t("loadFailed")}>
          <button type="button" class="secondary" onClick=${() => open(id)}>${t("retry")}</button><//>`}
        ${empty && html`<${Empty} icon="smile" title=${t("noMessages")} hint=${t("noMessagesHint")} />`}
        ${rows.map((row) => html`<${Row} key=${row.key} row=${row} byId=${byId} group=${conversation.type !== "single"} role=${myRole(conversation)} />`)}
      </div>
    </div>
    ${!atEnd && html`<button type="button" class="jump" aria-label=${t("newest")} title=${t("newest")} onClick=${jump}>
      <${Icon} name="down" />
      ${conversation.unreadCount > 0 && html`<span class="badge">${conversation.unreadCount}</span>`}
    </button>`}
  </div>`;
}
