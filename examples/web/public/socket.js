// One WebSocket, kept up: connects, notices when it is dead, and comes back with exponential backoff and full jitter.
// Knows frames and close codes, not what the frames mean.
import { signal } from "./lib.js";
import { api, freshToken, refresh } from "./api.js";
import { end, session } from "./session.js";

const CONNECT_MS = 10_000;
const PONG_MS = 8_000;
const BACKOFF_MS = 500;
const BACKOFF_MAX_MS = 30_000;

/** `{state}`: idle, connecting, updating, online, waiting (with `until`), stopped (with `code`). */
export const connection = signal({ state: "idle" });
/** What `connected` told: limits and so on. */
export const hello = signal(null);

let handlers = { connected() {}, frame() {}, lost() {} };
let socket = null;
let attempt = 0;
let restartAfter = null; // named by an error frame just before a restart
let renewedAt = 0;
let timers = {};

const later = (name, ms, work) => {
  clearTimeout(timers[name]);
  timers[name] = setTimeout(work, ms);
};
const stopTimers = () => {
  for (const timer of Object.values(timers)) clearTimeout(timer);
  timers = {};
};

export function start(newHandlers) {
  handlers = newHandlers;
  attempt = 0;
  open();
}

export function stop() {
  drop();
  connection.value = { state: "idle" };
}

/** Tries at once: the user asked, the network is back, or the page is looked at again. */
export function connectNow() {
  if (socket || connection.value.state === "idle") return;
  attempt = 0;
  open();
}

export const isOpen = () => socket?.readyState === WebSocket.OPEN && hello.value !== null;

/** Sends a frame; false when there is no connection. */
export function send(type, data, id) {
  if (!isOpen()) return false;
  socket.send(JSON.stringify(id === undefined ? { type, data } : { type, data, id }));
  return true;
}

/** The connection is up to date; from now on failures start with short waits again. */
export function settled() {
  connection.value = { state: "online" };
  later("stable", 5_000, () => {
    attempt = 0;
  });
}

/** Gives up on this connection, which seems dead, and makes another. */
export function renew() {
  if (!socket) return;
  drop();
  again();
}

/** Asks for a sign of life. */
function probe(ms = PONG_MS) {
  if (!send("ping", {})) return;
  later("pong", ms, renew);
}

function drop() {
  stopTimers();
  if (socket) {
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
    socket.close(); // a dead peer never answers the closing handshake; we don't wait for it
    socket = null;
    hello.value = null;
    handlers.lost();
  }
}

async function open() {
  stopTimers();
  connection.value = { state: "connecting" };
  let token = null;
  const asked = session.value?.user.userId;
  try {
    token = await freshToken();
  } catch {
    if (connection.value.state === "connecting") again();
    return;
  }
  if (!token || socket || connection.value.state !== "connecting" || session.value?.user.userId !== asked) return;
  const url = new URL("/ws", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  // The token goes as a subprotocol, not in the address, to keep it out of logs.
  const mine = new WebSocket(url, ["gochat.v1", `bearer.${token}`]);
  socket = mine;
  later("connect", CONNECT_MS, renew);
  mine.onmessage = ({ data }) => receive(data);
  mine.onclose = ({ code }) => closed(code, token);
}

function receive(text) {
  clearTimeout(timers.pong);
  let frame;
  try {
    frame = JSON.parse(text);
  } catch {
    return;
  }
  const { type, data = {} } = frame;
  if (type === "connected") {
    clearTimeout(timers.connect);
    hello.value = data;
    connection.value = { state: "updating" };
    const beat = Math.max(5_000, data.heartbeatMs ?? 30_000);
    const tick = () => {
      probe();
      later("beat", beat, tick);
    };
    later("beat", beat, tick);
    handlers.connected(data);
  } else if (type !== "pong") {
    if (type === "error" && data.retryAfterMs !== undefined && !data.tempMessageId) restartAfter = data.retryAfterMs;
    handlers.frame(type, data, frame.id);
  }
}

async function closed(code, token) {
  const wasUp = hello.value !== null;
  drop();
  if (code === 4500) {
    await renewToken(token);
  } else if (code >= 4500 && code <= 4999) {
    connection.value = { state: "stopped", code };
  } else {
    again(code === 1012 ? restartAfter : null);
    // A refused upgrade says nothing to a browser. Any call over HTTP tells a bad token, and gets a new one.
    if (!wasUp) api.whoAmI().catch(() => {});
  }
  restartAfter = null;
}

/** The server refused the token: one try with a new one, then it is over. */
async function renewToken(token) {
  if (Date.now() - renewedAt < 10_000) {
    end({ byServer: true });
    return;
  }
  connection.value = { state: "connecting" };
  try {
    const next = await refresh(token);
    renewedAt = Date.now();
    if (next && !socket && session.value) open();
  } catch {
    again();
  }
}

/** Waits and tries again: a random time up to a bound that doubles, or what the server named. */
function again(namedMs = null) {
  const bound = Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** attempt);
  const wait = namedMs ?? Math.random() * bound;
  attempt += 1;
  connection.value = { state: "waiting", until: Date.now() + wait };
  later("retry", wait, open);
}

addEventListener("online", connectNow);
addEventListener("offline", () => probe(3_000));
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible") return;
  if (isOpen()) probe(4_000);
  else if (connection.value.state === "waiting") connectNow();
});
