//! Scripts, each where something must be decided and done in one step. None names keys of two hash tags.
//!
//! Numbers that matter stay text: Lua's are doubles, exact only up to 2^53.

use super::command::Lua;

/// KEYS counter; ARGV how many, time to live in seconds. The last number taken, as text; nil where the counter is not there.
const RESERVE: &str = "
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
redis.call('INCRBY', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return redis.call('GET', KEYS[1])
";

/// KEYS a user's sessions; ARGV session, its value, most sessions, time to live in ms, '1' if the call may have been made
/// before, the time in ms since which sessions are too young to be given up, then gateways that are dead. Whether it is the
/// first ('1', '0'), then the evicted, each with its gateway.
const REGISTER: &str = "
local dead = {}
for i = 7, #ARGV do dead[ARGV[i]] = true end
local old = tonumber(ARGV[6])
local all = redis.call('HGETALL', KEYS[1])
local others, gone, again = {}, {}, false
for i = 1, #all, 2 do
  local id, at, gateway = all[i], string.match(all[i + 1], '^(-?%d+) (%S+)')
  if not at or (dead[gateway] and tonumber(at) < old) then
    gone[#gone + 1] = id
  elseif id == ARGV[1] then
    again = true
  else
    others[#others + 1] = {id = id, at = tonumber(at), gateway = gateway}
  end
end
table.sort(others, function(a, b)
  if a.at ~= b.at then return a.at < b.at end
  if #a.id ~= #b.id then return #a.id < #b.id end
  return a.id < b.id
end)
local first = #others == 0 and (not again or ARGV[5] == '1')
local answer = {first and '1' or '0'}
for i = 1, #others - (tonumber(ARGV[3]) - 1) do
  gone[#gone + 1] = others[i].id
  answer[#answer + 1] = others[i].id
  answer[#answer + 1] = others[i].gateway
end
for i = 1, #gone, 1000 do
  redis.call('HDEL', KEYS[1], unpack(gone, i, math.min(i + 999, #gone)))
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return answer
";

/// KEYS a user's sessions; ARGV session. Its value, empty where it is not there, then those that are left.
const UNREGISTER: &str = "
local answer = {redis.call('HGET', KEYS[1], ARGV[1]) or ''}
redis.call('HDEL', KEYS[1], ARGV[1])
for _, left in ipairs(redis.call('HVALS', KEYS[1])) do answer[#answer + 1] = left end
return answer
";

/// KEYS a user's sessions; ARGV time to live in ms, then sessions and values in turn: puts back what is not there.
const REFRESH: &str = "
for i = 2, #ARGV, 2 do redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return true
";

/// KEYS a gateway's sessions, its users; ARGV time to live in ms, then sessions and users in turn: counts those that are not
/// counted yet.
const COUNT_IN: &str = "
for i = 2, #ARGV, 2 do
  if redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) == 1 then
    redis.call('HINCRBY', KEYS[2], ARGV[i + 1], 1)
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return true
";

/// KEYS a gateway's sessions, its users; ARGV sessions: counts them no longer.
const COUNT_OUT: &str = "
for i = 1, #ARGV do
  local user = redis.call('HGET', KEYS[1], ARGV[i])
  if user then
    redis.call('HDEL', KEYS[1], ARGV[i])
    if redis.call('HINCRBY', KEYS[2], user, -1) <= 0 then redis.call('HDEL', KEYS[2], user) end
  end
end
return true
";

/// KEYS a gateway's lease, its sessions, its users; ARGV holder, time to live in ms, time to live of the counts in ms.
/// `kept`, `taken` where nobody had it, or how many ms another has it for.
const LEASE: &str = "
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return tostring(redis.call('PTTL', KEYS[1])) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
redis.call('PEXPIRE', KEYS[3], ARGV[3])
return holder and 'kept' or 'taken'
";

/// KEYS a gateway's lease, its sessions, its users; ARGV holder. Whether it was the holder's, and is gone.
const RELEASE: &str = "
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
return 1
";

/// KEYS the gateways. Of each its name and in how many ms its lease ends, below 0 where it has ended.
const STANDINGS: &str = "
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local all = redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', '-inf', 'WITHSCORES', 'LIMIT', 0, 10000)
for i = 2, #all, 2 do all[i] = string.format('%.0f', all[i] - now) end
return all
";

/// KEYS the sessions that a gateway has lost; ARGV time to live in ms, then sessions and users in turn.
const SET_ASIDE: &str = "
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return true
";

/// KEYS a gateway's lease, its sessions, its users, what it has lost, who tells of that; ARGV the claimant, how long the claim
/// holds in ms, the size of a page, time to live of what was lost in ms. `claimed` by another, `nothing`, or `lives` or
/// `dead`, and sessions and users in turn.
const CLAIM: &str = "
local claimant = redis.call('GET', KEYS[5])
local lives = redis.call('EXISTS', KEYS[1]) == 1
if redis.call('EXISTS', KEYS[4]) == 0 then
  if lives or redis.call('EXISTS', KEYS[2]) == 0 then
    if claimant == ARGV[1] then redis.call('DEL', KEYS[5]) end
    return {'nothing'}
  end
  redis.call('RENAME', KEYS[2], KEYS[4])
  redis.call('DEL', KEYS[3])
  redis.call('PEXPIRE', KEYS[4], ARGV[4])
end
if claimant and claimant ~= ARGV[1] then return {'claimed'} end
redis.call('SET', KEYS[5], ARGV[1], 'PX', ARGV[2])
local answer = redis.call('HRANDFIELD', KEYS[4], ARGV[3], 'WITHVALUES')
table.insert(answer, 1, lives and 'lives' or 'dead')
return answer
";

/// KEYS the times of events; ARGV most of them, the window in ms, '1' if it is asked whether one more may happen, '1' if it is
/// counted where it may. How many ms until it may.
const THROTTLE: &str = "
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if ARGV[3] == '1' then
  local first = redis.call('LINDEX', KEYS[1], '-' .. ARGV[1])
  if first and first + ARGV[2] > now then return math.min(first + ARGV[2] - now, tonumber(ARGV[2])) end
end
if ARGV[4] == '1' then
  redis.call('RPUSH', KEYS[1], string.format('%.0f', now))
  redis.call('LTRIM', KEYS[1], '-' .. ARGV[1], -1)
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
";

/// KEYS the gateways; ARGV gateway, ms that it lives, ms that the dead are remembered.
const LIVE: &str = "
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[3] * 2)
return true
";

/// KEYS the gateways. How many live, their names, then the names of the dead.
const GATEWAYS: &str = "
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local live = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf', 'LIMIT', 0, 10000)
local dead = redis.call('ZREVRANGEBYSCORE', KEYS[1], now, '-inf', 'LIMIT', 0, 1000)
local answer = {tostring(#live)}
for _, id in ipairs(live) do answer[#answer + 1] = id end
for _, id in ipairs(dead) do answer[#answer + 1] = id end
return answer
";

/// KEYS a guard, a cached value, others that it guards; ARGV a new guard, its time to live in ms. All of them, the guard
/// first. Where something is missing there is a guard afterwards, so that a fill can tell whether all was lost meanwhile.
const LOOK: &str = "
local found = redis.call('MGET', unpack(KEYS))
if not found[1] then
  for i = 2, #KEYS do
    if not found[i] then
      redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
      found[1] = ARGV[1]
      break
    end
  end
end
return found
";

/// KEYS a cached value, its guard; ARGV the guard as it was seen, the value, time to live in ms. Keeps the value unless the
/// guard has changed since.
const FILL: &str = "
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
";

/// KEYS recent messages, their guard; ARGV the guard as it was seen, time to live in ms, then sequences and messages in turn.
/// Replaces all, unless the guard has changed since.
const FILL_RECENT: &str = "
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
for i = 3, #ARGV, 2 do redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
";

/// KEYS recent messages, their guard; ARGV most messages, time to live in ms, then sequences and messages in turn. Adds them,
/// unless something was recalled lately, which the guard tells by not being a reader's: then it might be one of them, and all
/// go.
const PUSH_RECENT: &str = "
local guard = redis.call('GET', KEYS[2])
if guard and string.sub(guard, 1, 1) ~= 'm' then
  redis.call('DEL', KEYS[1])
  return 0
end
for i = 3, #ARGV, 2 do
  redis.call('ZREMRANGEBYSCORE', KEYS[1], ARGV[i], ARGV[i])
  redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
";

macro_rules! scripts {
    ($($name:ident = $text:ident),+ $(,)?) => {
        /// All of them.
        #[derive(Debug)]
        pub(super) struct Scripts {
            $(pub(super) $name: Lua,)+
        }

        impl Scripts {
            pub(super) fn new() -> Self {
                Self { $($name: Lua::new($text),)+ }
            }
        }
    };
}

scripts! {
    reserve = RESERVE,
    register = REGISTER,
    unregister = UNREGISTER,
    refresh = REFRESH,
    count_in = COUNT_IN,
    count_out = COUNT_OUT,
    lease = LEASE,
    release = RELEASE,
    live = LIVE,
    gateways = GATEWAYS,
    standings = STANDINGS,
    set_aside = SET_ASIDE,
    claim = CLAIM,
    throttle = THROTTLE,
    look = LOOK,
    fill = FILL,
    fill_recent = FILL_RECENT,
    push_recent = PUSH_RECENT,
}
