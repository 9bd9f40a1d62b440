// Who is logged in on this browser. All tabs share one login: they read it from localStorage, tell each other of changes,
// and only one at a time exchanges the refresh token, because each refresh token is good for one use.
import { signal } from "./lib.js";

const KEY = "gochat.session";
const channel = new BroadcastChannel("gochat");

function stored() {
  try {
    const value = JSON.parse(localStorage.getItem(KEY));
    return value?.token && value?.user?.userId ? value : null;
  } catch {
    return null;
  }
}

/** `{user, token, refreshToken, expiresAt}` or null. */
export const session = signal(stored());
/** Set when a session ended against the user's will, so that the login form can say so. */
export const endedByServer = signal(false);

export const me = () => session.value?.user ?? null;

function adopt(value) {
  session.value = value;
}

function keep(value) {
  if (value) localStorage.setItem(KEY, JSON.stringify(value));
  else localStorage.removeItem(KEY);
  adopt(value);
  channel.postMessage({ type: "session", value });
}

// By what the message says: what its tab has stored may arrive here later than that.
channel.addEventListener("message", ({ data }) => {
  // A tab that was opened before an upgrade names no value.
  if (data.type === "session") adopt(data.value === undefined ? stored() : data.value);
});
// A tab that slept through the message finds out when it wakes.
addEventListener("pageshow", (event) => event.persisted && adopt(stored()));

export function begin(login) {
  endedByServer.value = false;
  keep({
    user: login.user,
    token: login.token,
    refreshToken: login.refreshToken ?? null,
    expiresAt: Date.now() + (login.expiresIn ?? 3600) * 1000,
  });
}

export function updateUser(user) {
  const now = stored();
  if (now) keep({ ...now, user });
}

export function end({ byServer = false } = {}) {
  endedByServer.value = byServer;
  keep(null);
}

const locked = (work) => (navigator.locks ? navigator.locks.request("gochat.refresh", work) : work());

/**
 * A token other than `staleToken`: the one that another tab has got meanwhile, else a new one by `exchange`.
 * Null when the session is over.
 */
export function renewed(staleToken, exchange) {
  // Without Web Locks (plain http on a LAN) two tabs may both ask: the server answers a repeat within 10 s alike.
  return locked(async () => {
    const now = stored();
    if (!now) {
      adopt(null); // ended in another tab, and no message said so
      return null;
    }
    if (now.token !== staleToken) {
      adopt(now);
      return now.token;
    }
    if (!now.refreshToken) {
      end({ byServer: true });
      return null;
    }
    const login = await exchange(now.refreshToken); // throws when the network fails: the session stays
    if (!login) {
      end({ byServer: true });
      return null;
    }
    begin({ ...login, user: login.user ?? now.user });
    return login.token;
  });
}
