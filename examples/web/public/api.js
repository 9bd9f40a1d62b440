// HTTP calls of the client contract. Answers are `data`; failures throw `ApiError`.
import { lang, t } from "./i18n.js";
import { end, renewed, session } from "./session.js";

const TIMEOUT_MS = 10_000;

class ApiError extends Error {
  constructor(message, { code = "NETWORK", status = 0, body = null } = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.fields = body?.fields ?? [];
  }
}

async function once(method, path, body, token) {
  const headers = { "Accept-Language": lang.value };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(`/api${path}`, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
      cache: "no-store",
    });
  } catch {
    throw new ApiError(t("networkError"));
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok || answer?.success !== true) {
    const detail = answer?.fields?.map((f) => f.message).filter(Boolean).join(" ");
    throw new ApiError(detail || answer?.message || t("unknownError"), {
      code: answer?.code ?? "INTERNAL",
      status: response.status,
      body: answer,
    });
  }
  return answer;
}

/** Exchanges the refresh token. Null when the server says that the session is over. */
async function exchange(refreshToken) {
  try {
    return (await once("POST", "/auth/refresh", { refreshToken })).data;
  } catch (error) {
    if (error.status === 401 || error.status === 400) return null;
    throw error;
  }
}

/** A new access token in place of `stale`; null when the session is over. */
export const refresh = (stale) => renewed(stale, exchange);

/** A token that is good for another half minute. */
export async function freshToken() {
  const now = session.value;
  if (!now) return null;
  return now.expiresAt - Date.now() > 30_000 ? now.token : refresh(now.token);
}

async function whole(method, path, body) {
  const token = await freshToken();
  if (!token) throw new ApiError(t("sessionEnded"), { code: "UNAUTHENTICATED", status: 401 });
  try {
    return await once(method, path, body, token);
  } catch (error) {
    if (error.status !== 401) throw error;
    const next = await refresh(token);
    if (!next) throw error;
    return once(method, path, body, next);
  }
}

const call = async (method, path, body) => (await whole(method, path, body)).data;
const enc = encodeURIComponent;

export const auth = {
  register: async (username, password) => (await once("POST", "/auth/register", { username, password })).data,
  login: async (username, password) => (await once("POST", "/auth/login", { username, password })).data,
  guest: async (guestName) => (await once("POST", "/auth/guest", { guestName })).data,
  /** Ends the session here even when the server can't be reached. */
  async logout() {
    const token = session.value?.token;
    end();
    if (token) await once("POST", "/auth/logout", undefined, token).catch(() => {});
  },
};

export const api = {
  whoAmI: () => call("GET", "/users/info"),
  conversations: () => call("GET", "/conversations"),
  conversation: (id) => call("GET", `/conversations/${enc(id)}`),
  openSingle: (targetUserId) => call("POST", "/conversations", { targetUserId }),
  hide: (id) => call("DELETE", `/conversations/${enc(id)}`),
  /** The `limit` messages just below `beforeSeq`, or the newest. */
  async history(id, { beforeSeq, limit = 50 } = {}) {
    const query = beforeSeq ? `beforeSeq=${beforeSeq}&limit=${limit}` : `page=1&size=${limit}`;
    const { data, pagination } = await whole("GET", `/conversations/${enc(id)}/messages?${query}`);
    return { messages: data, hasMore: pagination?.hasMore ?? false };
  },
  message: (id) => call("GET", `/messages/${enc(id)}`),
  recall: (id) => call("DELETE", `/messages/${enc(id)}`),

  friends: () => call("GET", "/friends"),
  addFriend: (friendId) => call("POST", "/friends", { friendId }),
  removeFriend: (id) => call("DELETE", `/friends/${enc(id)}`),
  searchUsers: (q) => call("GET", `/users/search?q=${enc(q)}&limit=20`),
  saveProfile: (form) => call("PUT", "/users/profile", form),

  createGroup: (form) => call("POST", "/groups", form),
  group: (id) => call("GET", `/groups/${enc(id)}`),
  async members(id, page) {
    const { data, pagination } = await whole("GET", `/groups/${enc(id)}/members?page=${page}&size=100`);
    return { members: data, hasMore: pagination?.hasMore ?? false };
  },
  saveGroup: (id, form) => call("PUT", `/groups/${enc(id)}`, form),
  dissolve: (id) => call("DELETE", `/groups/${enc(id)}`),
  addMembers: (id, members) => call("POST", `/groups/${enc(id)}/members`, { members }),
  removeMember: (id, user) => call("DELETE", `/groups/${enc(id)}/members/${enc(user)}`),
  changeMember: (id, user, form) => call("PUT", `/groups/${enc(id)}/members/${enc(user)}`, form),
  transfer: (id, userId) => call("POST", `/groups/${enc(id)}/transfer`, { userId }),
};
