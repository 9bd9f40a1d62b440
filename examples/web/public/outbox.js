// My messages on their way: each is written down first, then sent, and stays until the server says `stored`. The same
// client id goes with every try, so the server knows a repeat and nothing is doubled.
import { uuid7 } from "./ids.js";
import { me } from "./session.js";
import { hello, isOpen, renew, send } from "./socket.js";
import { pending } from "./store.js";
import { t } from "./i18n.js";

const KEY = "gochat.outbox";
const IN_FLIGHT_MAX = 16;
const ACK_MS = 12_000;
const TRIES_MAX = 5;
/** What may go well a moment later, without the user doing anything. */
const PASSING = new Set(["RATE_LIMITED", "UNAVAILABLE", "TIMEOUT"]);

let owner = null; // whose messages these are; outlives a session that ended, so that logging in again sends them
let pausedUntil = 0;
let timer = null;

/** Per tab (sessionStorage): a reload keeps what was not sent, and two tabs don't send each other's. */
function keep() {
  const mine = pending.peek();
  if (mine.length === 0) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, JSON.stringify({ userId: owner, messages: mine }));
}

export function restore() {
  owner = me().userId;
  try {
    const saved = JSON.parse(sessionStorage.getItem(KEY));
    if (saved?.userId !== owner) return;
    pending.value = saved.messages.map((p) => (p.state === "failed" ? p : { ...p, state: "queued" }));
  } catch {
    sessionStorage.removeItem(KEY);
  }
}

function change(clientMsgId, changes) {
  pending.value = pending.value.map((p) => (p.clientMsgId === clientMsgId ? { ...p, ...changes } : p));
  keep();
}

function remove(clientMsgId) {
  const found = pending.value.find((p) => p.clientMsgId === clientMsgId);
  if (found) {
    pending.value = pending.value.filter((p) => p !== found);
    keep();
  }
  return found;
}

export function post(conversationId, content, replyTo) {
  const message = { clientMsgId: uuid7(), conversationId, content, sendTime: new Date().toISOString(), state: "queued", tries: 0 };
  if (replyTo) message.replyTo = replyTo;
  pending.value = [...pending.value, message];
  keep();
  flush();
}

export function retry(clientMsgId) {
  change(clientMsgId, { state: "queued", tries: 0, error: undefined });
  flush();
}

export const discard = remove;

export function discardAll() {
  pending.value = [];
  keep();
}

/** Sends what is queued, in order, a bounded number at a time. */
export function flush() {
  clearTimeout(timer);
  if (!isOpen()) return;
  const now = Date.now();
  if (now < pausedUntil) {
    timer = setTimeout(flush, pausedUntil - now);
    return;
  }
  let flying = pending.value.filter((p) => p.state === "sending" || p.state === "accepted").length;
  for (const p of pending.value) {
    if (flying >= IN_FLIGHT_MAX) break;
    if (p.state !== "queued") continue;
    const { clientMsgId, conversationId, content, replyTo } = p;
    const data = { conversationId, content, messageType: "text", tempMessageId: clientMsgId };
    if (replyTo) data.replyTo = replyTo;
    if (!send("send-message", data, clientMsgId)) break;
    change(clientMsgId, { state: "sending", tries: p.tries + 1, sentAt: now });
    flying += 1;
  }
  if (flying > 0) timer = setTimeout(watch, ACK_MS / 4);
}

/** No answer for long: the connection is not to be trusted. A new one sends everything again. */
function watch() {
  const late = pending.value.filter((p) => p.state === "sending" && Date.now() - p.sentAt > ACK_MS);
  for (const p of late) {
    if (p.tries >= TRIES_MAX) change(p.clientMsgId, { state: "failed", error: t("networkError") });
  }
  if (late.some((p) => p.tries < TRIES_MAX)) renew();
  else flush();
}

/** The connection is gone: what was not stored goes again on the next one. */
export function requeue() {
  clearTimeout(timer);
  pending.value = pending.value.map((p) => (p.state === "failed" ? p : { ...p, state: "queued" }));
  keep();
}

/** `message-ack`. Returns the stored message, for the history. */
export function acknowledge({ clientMsgId, tempMessageId, status, messageId, seq, sendTime }) {
  const id = clientMsgId ?? tempMessageId;
  if (status !== "stored") {
    change(id, { state: "accepted" });
    return null;
  }
  const sent = remove(id);
  flush();
  if (!sent) return null;
  const user = me();
  return {
    messageId,
    conversationId: sent.conversationId,
    senderId: user.userId,
    senderName: user.nickname || user.username,
    senderAvatar: user.avatar,
    content: sent.content,
    type: "text",
    sendTime: sendTime ?? sent.sendTime,
    status: "sent",
    seq,
    clientMsgId: id,
    ...(sent.replyTo ? { replyTo: sent.replyTo } : {}),
  };
}

/** `error`, perhaps for one of my messages; returns whether it was. */
export function refused({ tempMessageId, code, message, retryAfterMs }) {
  const p = pending.value.find((x) => x.clientMsgId === tempMessageId);
  if (!p) return false;
  if (PASSING.has(code) && (code === "RATE_LIMITED" || p.tries < TRIES_MAX)) {
    pausedUntil = Math.max(pausedUntil, Date.now() + (retryAfterMs ?? 1_000 * p.tries));
    change(tempMessageId, { state: "queued" });
  } else {
    change(tempMessageId, { state: "failed", error: message });
  }
  flush();
  return true;
}

/** It came back by another way (history, another device's push): no need to send it again. */
export const seen = (message) => message.senderId === me()?.userId && message.clientMsgId && remove(message.clientMsgId);

/** Longest content, in Unicode scalar values. */
export const contentMax = () => hello.value?.limits?.contentMax ?? 5_000;
