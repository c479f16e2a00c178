"""The steps of delivery that must not be torn apart, as Lua run inside Redis.

Keys of RQ's own that they keep right: rq:queue:Q (list), rq:job:ID (hash), rq:scheduled:Q, rq:wip:Q, rq:failed:Q,
rq:finished:Q, rq:canceled:Q (sorted sets), rq:results:ID (stream), rq:execution:*, rq:worker:*.
Ours: mingus:running (id -> owner's token), mingus:paused (set of queues), mingus:beats (worker -> counter).

Every script writes first what Redis refuses when its memory is full, and takes away last: a refusal leaves
nothing half-done. Time is Redis' own, so that the clocks of workers need not agree.
Longer than 300 lines on purpose: what must agree about the keys is read together.
"""

from __future__ import annotations

# A job's key is asked for its type first: a command on another kind of key ends a script half-done.
_COMMON = """
local call = redis.call
local clock
local function seconds()
  if not clock then local t = call('TIME') clock = tonumber(t[1]) + tonumber(t[2]) / 1000000 end
  return clock
end
local function is_hash(key) return call('TYPE', key).ok == 'hash' end
local function words(token) return string.match(token, '^%S+ %S+ %S+ (%S+) (%S+) (%S+)$') end
local DAY = 86400
"""

# Never deletes a job's hash but by expiry: what is gone from Redis unasked shows as lost.
# Dead jobs get the score -1: RQ's clean-up, which would forget them, begins at 0.
_SETTLE = """
local function release(id, token)
  local worker, execution, queue = words(token)
  call('HDEL', 'mingus:running', id)
  call('ZREM', 'rq:wip:' .. queue, id .. ':' .. execution)
  call('DEL', 'rq:execution:' .. id .. ':' .. execution)
  call('SREM', 'rq:worker:' .. worker .. ':executions', id .. ':' .. execution)
end
local function settle(id, token, how, moment, number, result)
  if call('HGET', 'mingus:running', id) ~= token then return 0 end
  local worker, execution, queue = words(token)
  local job, there = 'rq:job:' .. id, is_hash('rq:job:' .. id)
  number = tonumber(number)
  if there and how == 'finished' then
    call('HSET', job, 'status', 'finished', 'ended_at', moment)
    if number > 0 then
      call('XADD', 'rq:results:' .. id, 'MAXLEN', '10', '*', 'type', '1', 'worker_name', worker,
        'execution_id', execution, 'return_value', result)
      call('ZADD', 'rq:finished:' .. queue, seconds() + number, id)
      call('EXPIRE', 'rq:results:' .. id, number)
    end
    call('EXPIRE', job, math.max(number, 1))
  elseif there and how == 'failed' then
    call('HSET', job, 'status', 'failed', 'ended_at', moment, 'exc_info', result)
    call('ZADD', 'rq:failed:' .. queue, -1, id)
    call('PERSIST', job)
  elseif there and how == 'canceled' then
    call('HSET', job, 'status', 'canceled', 'ended_at', moment)
    call('ZADD', 'rq:canceled:' .. queue, seconds() + number, id)
    call('EXPIRE', job, math.max(number, 1))
  elseif there and how == 'scheduled' then
    call('HSET', job, 'status', 'scheduled', 'worker_name', '')
    call('ZADD', 'rq:scheduled:' .. queue, seconds() + number, id)
  elseif there and how == 'queued' then
    call('HSET', job, 'status', 'queued', 'worker_name', '')
    call('LPUSH', 'rq:queue:' .. queue, id)
    call('PUBLISH', 'mingus:wake', queue)
  elseif there and how == 'discard' then
    call('DEL', job)
  end
  release(id, token)
  return there and 1 or 2
end
"""

# An id without a hash, or of a job that runs, is dropped: a queue must not stand still before it.
_TAKE = """
local function show(worker, state, id, moment)
  call('HSET', 'rq:worker:' .. worker, 'state', state, 'current_job', id, 'current_since', moment)
end
-- What this very process has been given without hearing of it: the reply was lost with the connection.
local function held(process, worker, moment)
  local key = 'rq:worker:' .. worker .. ':executions'
  if call('TYPE', key).ok ~= 'set' then return false end
  for _, member in ipairs(call('SMEMBERS', key)) do
    local id, execution = string.match(member, '^(.*):([^:]*)$')
    local token = id and call('HGET', 'mingus:running', id)
    local mine = token and process .. ' ' .. worker .. ' ' .. execution .. ' '
    if mine and string.sub(token, 1, #mine) == mine then
      local job = 'rq:job:' .. id
      if is_hash(job) then
        show(worker, 'busy', id, moment)
        return {id, string.sub(token, #mine + 1), call('HMGET', job, 'data', 'sig'), execution}
      end
      release(id, token)
    end
  end
  return false
end
local function take(process, worker, execution, moment, queues)
  if call('EXISTS', 'rq:suspended') == 1 then return false end
  for _, queue in ipairs(queues) do
    local list = 'rq:queue:' .. queue
    if call('SISMEMBER', 'mingus:paused', queue) == 0 then
      local id = redis.pcall('LINDEX', list, 0)
      -- A table is an error: the key is no list.
      while type(id) == 'string' do
        local job = 'rq:job:' .. id
        local token = process .. ' ' .. worker .. ' ' .. execution .. ' ' .. queue
        if is_hash(job) and call('HSETNX', 'mingus:running', id, token) == 1 then
          local now, member = seconds(), id .. ':' .. execution
          call('HSET', job, 'status', 'started', 'started_at', moment, 'last_heartbeat', moment,
            'worker_name', worker)
          call('ZADD', 'rq:wip:' .. queue, now + DAY, member)
          call('HSET', 'rq:execution:' .. member, 'id', execution, 'job_id', id, 'created_at', now,
            'last_heartbeat', now, 'worker_name', worker)
          call('SADD', 'rq:worker:' .. worker .. ':executions', member)
          show(worker, 'busy', id, moment)
          call('LPOP', list)
          return {id, queue, call('HMGET', job, 'data', 'sig'), execution}
        end
        call('LPOP', list)
        id = call('LINDEX', list, 0)
      end
    end
  end
  return false
end
"""

# ARGV: worker's process, name, execution for the next job, moment, 1 when the reply to the turn before was lost,
# number of queues, queues..., then, when a job is acknowledged: id, token, how, number, result.
TURN = (
    _COMMON
    + _SETTLE
    + _TAKE
    + """
local queues, n = {}, tonumber(ARGV[6])
for i = 1, n do queues[i] = ARGV[6 + i] end
local settled, at = -1, 6 + n
if ARGV[at + 1] then
  local how = ARGV[at + 3]
  settled = settle(ARGV[at + 1], ARGV[at + 2], how, ARGV[4], ARGV[at + 4], ARGV[at + 5])
  if settled ~= 0 and (how == 'finished' or how == 'failed') then
    call('HINCRBY', 'rq:worker:' .. ARGV[2], how == 'finished' and 'successful_job_count' or 'failed_job_count', 1)
  end
end
local taken = ARGV[5] == '1' and held(ARGV[1], ARGV[2], ARGV[4])
taken = taken or (n > 0 and take(ARGV[1], ARGV[2], ARGV[3], ARGV[4], queues))
if settled ~= -1 and not taken then show(ARGV[2], 'idle', '', ARGV[4]) end
return {settled, taken}
"""
)

# ARGV: id, token, how, moment, number, result. 0: it has another owner; 2: the job's hash is gone.
SETTLE = _COMMON + _SETTLE + "return settle(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6])"

# ARGV: moment, then for every job: id, queue, delay in seconds (or ''), to requeue what has ended the attempts that
# the ledger has counted (or ''), number of fields and values, fields and values. Returns for each job 1 when it was
# pushed, 0 when it is there already, 2 when it runs. A dead one that was pushed with so many attempts before has run
# since, and died again: a second pusher of the same requeue is too late. One that is `started` and has no owner ended
# without a word.
PUSH = (
    _COMMON
    + """
local ENDED = {failed = true, canceled = true, finished = true, stopped = true, started = true}
local pushed, at, woken = {}, 2, {}
while ARGV[at] do
  local id, queue, delay, requeue, n = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4])
  local job = 'rq:job:' .. id
  local there = is_hash(job)
  local status = there and call('HGET', job, 'status')
  local free = not there or (requeue ~= '' and ENDED[status])
  if status == 'failed' and free then
    free = (tonumber(call('HGET', job, 'attempts') or '') or -1) < tonumber(requeue)
  end
  if call('HEXISTS', 'mingus:running', id) == 1 then
    table.insert(pushed, 2)
  elseif free then
    call('HSET', job, 'enqueued_at', ARGV[1], 'status', delay == '' and 'queued' or 'scheduled',
      unpack(ARGV, at + 5, at + 4 + n))
    call('SADD', 'rq:queues', 'rq:queue:' .. queue)
    if delay == '' then
      call('RPUSH', 'rq:queue:' .. queue, id)
      woken[queue] = true
    else
      call('ZADD', 'rq:scheduled:' .. queue, seconds() + tonumber(delay), id)
    end
    call('PERSIST', job)
    if there then
      call('ZREM', 'rq:failed:' .. queue, id)
      call('ZREM', 'rq:canceled:' .. queue, id)
      call('ZREM', 'rq:finished:' .. queue, id)
    end
    table.insert(pushed, 1)
  else
    table.insert(pushed, 0)
  end
  at = at + 5 + n
end
for queue in pairs(woken) do call('PUBLISH', 'mingus:wake', queue) end
return pushed
"""
)

# ARGV: worker, ttl, number of fields and values of its hash, fields and values, then id and token of the job that
# it runs, if any. Returns whether the worker was known, and whether the job is still its own.
BEAT = (
    _COMMON
    + """
local worker, ttl, n = ARGV[1], ARGV[2], tonumber(ARGV[3])
local key, id, token = 'rq:worker:' .. worker, ARGV[4 + n], ARGV[5 + n]
local known = call('SISMEMBER', 'rq:workers', key)
call('HSET', key, unpack(ARGV, 4, 3 + n))
call('EXPIRE', key, ttl)
call('HINCRBY', 'mingus:beats', worker, 1)
local mine = 1
if id then
  local owner = call('HGET', 'mingus:running', id)
  if not owner then
    -- Redis has lost its memory of it: say so again, unless the job was given out anew.
    local status = call('HGET', 'rq:job:' .. id, 'status')
    if status and status ~= 'started' then mine = 0 else
      local _, execution, queue = words(token)
      call('HSET', 'mingus:running', id, token)
      call('ZADD', 'rq:wip:' .. queue, seconds() + DAY, id .. ':' .. execution)
    end
  elseif owner ~= token then mine = 0 end
  call('SADD', key .. ':executions', id .. ':' .. select(2, words(token)))
  call('EXPIRE', key .. ':executions', ttl)
end
return {known, mine}
"""
)

# ARGV: queues. Moves what is due, at most 100 a queue; drops what has outlived its time from the registries.
# While a script runs Redis serves nobody else, so more than 100 wait for the next second.
MOVE_DUE = (
    _COMMON
    + """
local moved, now = 0, seconds()
for _, queue in ipairs(ARGV) do
  -- An error (the key is no sorted set) has no elements.
  local due = redis.pcall('ZRANGEBYSCORE', 'rq:scheduled:' .. queue, '-inf', now, 'LIMIT', 0, 100)
  for _, id in ipairs(due) do
    local job = 'rq:job:' .. id
    if is_hash(job) then
      call('HSET', job, 'status', 'queued')
      if call('HEXISTS', 'mingus:running', id) == 0 then
        call('RPUSH', 'rq:queue:' .. queue, id)
        moved = moved + 1
      end
    end
    call('ZREM', 'rq:scheduled:' .. queue, id)
  end
  if #due > 0 then call('PUBLISH', 'mingus:wake', queue) end
  redis.pcall('ZREMRANGEBYSCORE', 'rq:finished:' .. queue, 0, now)
  redis.pcall('ZREMRANGEBYSCORE', 'rq:canceled:' .. queue, 1, now)
end
return moved
"""
)

# ARGV: queue, moment, ttl, ids... Takes waiting jobs out; 1 for each that was waiting, 0 for the others.
# The slot that its rate kept for a job is given back, too; RQ's description is the name of the task.
WITHDRAW = (
    _COMMON
    + """
local queue, taken = ARGV[1], {}
for at = 4, #ARGV do
  local id = ARGV[at]
  local job, found = 'rq:job:' .. ARGV[at], 0
  local waiting = is_hash(job) and call('HGET', job, 'status')
  if waiting == 'queued' or waiting == 'scheduled' or waiting == 'failed' then
    call('HSET', job, 'status', 'canceled', 'ended_at', ARGV[2])
    call('ZADD', 'rq:canceled:' .. queue, seconds() + tonumber(ARGV[3]), id)
    call('EXPIRE', job, math.max(tonumber(ARGV[3]), 1))
  end
  found = call('LREM', 'rq:queue:' .. queue, 1, id) + call('ZREM', 'rq:scheduled:' .. queue, id)
    + call('ZREM', 'rq:failed:' .. queue, id)
  if waiting then call('ZREM', 'mingus:rate:' .. (call('HGET', job, 'description') or ''), id) end
  table.insert(taken, found > 0 and 1 or 0)
end
return taken
"""
)

# ARGV: task, job, execution, jobs, seconds. The job's start in a window of so many jobs in so many seconds: 0 when
# it may start now, else the seconds until the slot that is kept for it. Starts are kept as id:execution, slots as id.
# The set goes a minute after its window: a task that is not limited any more leaves nothing behind.
ADMIT = (
    _COMMON
    + """
local key, id, now = 'mingus:rate:' .. ARGV[1], ARGV[2], seconds()
local jobs, period = tonumber(ARGV[4]), tonumber(ARGV[5])
call('ZREMRANGEBYSCORE', key, '-inf', now - period)
local slot = tonumber(call('ZSCORE', key, id) or '')
if not slot then
  slot = now
  local count = call('ZCARD', key)
  if count >= jobs then
    local oldest = call('ZRANGE', key, count - jobs, count - jobs, 'WITHSCORES')
    slot = math.max(now, tonumber(oldest[2]) + period)
  end
end
local wait = slot - now
if wait > 0.001 then
  call('ZADD', key, string.format('%.6f', slot), id)
else
  call('ZADD', key, string.format('%.6f', now), id .. ':' .. ARGV[3])
  call('ZREM', key, id)
  wait = 0
end
call('EXPIRE', key, math.ceil(math.max(0, wait) + period) + 60)
return string.format('%.6f', wait)
"""
)

# A circuit breaker is a hash: failures in a row, opened_at and reason once open, probe_until while one job tries;
# the set mingus:breakers names them all.
# ARGV: name, cooldown, how long a probe may take. 0 when a job may start, else the seconds to wait.
# Beside a probe, which may take minutes, others ask every 5 s: its success lets all of them go on.
BREAKER_ALLOWS = (
    _COMMON
    + """
local key, now = 'mingus:breaker:' .. ARGV[1], seconds()
local opened = tonumber(call('HGET', key, 'opened_at') or '')
if not opened then return '0' end
local wait = opened + tonumber(ARGV[2]) - now
if wait > 0 then return tostring(math.min(wait, tonumber(ARGV[2]))) end
local probe = tonumber(call('HGET', key, 'probe_until') or '')
if probe and probe > now then return '5' end
call('HSET', key, 'probe_until', now + tonumber(ARGV[3]))
return '0'
"""
)

# ARGV: name, failures that open it, reason. A failed probe opens it anew.
BREAKER_FAILED = (
    _COMMON
    + """
local key = 'mingus:breaker:' .. ARGV[1]
local failures = call('HINCRBY', key, 'failures', 1)
call('HSET', key, 'reason', ARGV[3])
call('SADD', 'mingus:breakers', ARGV[1])
if failures >= tonumber(ARGV[2]) or call('HEXISTS', key, 'opened_at') == 1 then
  call('HSET', key, 'opened_at', seconds())
  call('HDEL', key, 'probe_until')
end
return failures
"""
)
