// The contract's table of rights, for showing only what would work. The server decides.

const RANK = { owner: 3, admin: 2, member: 1 };

export const mayManage = (mine) => mine === "owner" || mine === "admin";
export const mayActOn = (mine, other) => mayManage(mine) && RANK[mine] > RANK[other];
export const mayOwn = (mine) => mine === "owner";

const RECALL_MS = 2 * 60_000;

/** My own for two minutes, in a group its owner and admins any time. */
export function mayRecall(message, myId, role) {
  if (message.recalledAt || !message.messageId || message.type === "system") return false;
  if (mayManage(role)) return true;
  return message.senderId === myId && Date.now() - Date.parse(message.sendTime) < RECALL_MS;
}

export const isMuted = (member) => Boolean(member?.mutedUntil) && Date.parse(member.mutedUntil) > Date.now();
