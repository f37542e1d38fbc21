"""What Redis does in one step, in its language Lua. A script runs alone and is written to the
append-only file as one transaction, so that nothing of it is ever half there.

Positions are numbers of sixteen digits, so that their order as text, by which Redis sorts what has
the same time, is their order of arrival.
"""

OPEN = """
local facts = KEYS[1]
redis.call('HSETNX', facts, 'format', ARGV[1])
redis.call('HSETNX', facts, 'salt', ARGV[2])
return redis.call('HMGET', facts, 'format', 'salt')
"""

APPEND = """
local facts, events, ids, done = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local known = redis.call('GET', done)  -- the same events, sent again after a lost answer
if known then return known end
local at = tonumber(redis.call('HGET', facts, 'position') or '0')
local most = tonumber(ARGV[4])
local verdicts = {}
for i = 5, #ARGV, 5 do
    local user, time, has_id, id, text =
        ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
    if has_id == '1' and redis.call('HEXISTS', ids, id) == 1 then
        verdicts[#verdicts + 1] = '0'
    else
        at = at + 1
        local position = string.format('%016.0f', at)
        if has_id == '1' then redis.call('HSET', ids, id, position) end
        redis.call('HSET', events, position, text)
        redis.call('ZADD', ARGV[2] .. user, time, position)
        -- the one that is no longer among the newest, or never was
        local rank = math.max(most, redis.call('ZREVRANK', ARGV[2] .. user, position))
        local fallen = redis.call('ZREVRANGE', ARGV[2] .. user, rank, rank, 'WITHSCORES')
        if #fallen > 0 then
            local event = cjson.decode(redis.call('HGET', events, fallen[1]))
            local older, what = ARGV[3] .. user, cjson.encode({event[2], event[4]})
            local last = redis.call('ZSCORE', older, what)
            if not last or tonumber(last) < tonumber(fallen[2]) then
                redis.call('ZADD', older, fallen[2], what)
            end
        end
        verdicts[#verdicts + 1] = '1'
    end
end
redis.call('HSET', facts, 'position', string.format('%.0f', at))
redis.call('SET', done, table.concat(verdicts), 'EX', ARGV[1])
return table.concat(verdicts)
"""

OF_IDS = """
local events, ids = KEYS[1], KEYS[2]
local found = {}
for _, id in ipairs(ARGV) do
    local position = redis.call('HGET', ids, id)
    if position then found[#found + 1] = redis.call('HGET', events, position) end
end
return found
"""

HISTORY = """
local facts, events, user, older = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local positions = redis.call('ZREVRANGE', user, 0, tonumber(ARGV[1]) - 1)
local texts = {}
if #positions > 0 then texts = redis.call('HMGET', events, unpack(positions)) end
local number = redis.call('HGET', facts, 'base number')
local base = false
if number then base = redis.call('HGET', ARGV[2] .. number, ARGV[3]) end
return {base, texts, redis.call('ZREVRANGE', older, 0, tonumber(ARGV[4]) - 1, 'WITHSCORES')}
"""

AFTER = """
local facts, events = KEYS[1], KEYS[2]
local at, most, ends = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[1]) + 100000
local last = tonumber(redis.call('HGET', facts, 'position') or '0')
local found, found_at = {}, at
while at < last and #found < most and at < ends do
    local names = {}
    for i = 1, math.min(1000, last - at, most - #found) do
        names[i] = string.format('%016.0f', at + i)
    end
    for _, text in ipairs(redis.call('HMGET', events, unpack(names))) do
        at = at + 1
        if text then
            found[#found + 1] = text
            found_at = at
        end
    end
end
if #found > 0 then at = found_at end  -- the position of an event, as in other stores
return {string.format('%.0f', at), at < last and 1 or 0, found}
"""

FORGET = """
local facts, events, ids, user, forgotten, bases, older =
    KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local first, number = 0, redis.call('ZCARD', user)
while first < number do
    local positions = redis.call('ZRANGE', user, first, first + 999)
    local names = {}
    for _, text in ipairs(redis.call('HMGET', events, unpack(positions))) do
        local id = cjson.decode(text)[7]
        if id ~= cjson.null then names[#names + 1] = id end
    end
    if #names > 0 then redis.call('HDEL', ids, unpack(names)) end
    redis.call('HDEL', events, unpack(positions))
    first = first + 1000
end
redis.call('DEL', user, older)
local base, read = false, redis.call('HGET', facts, 'base number')
if read then base = redis.call('HGET', ARGV[1] .. read, ARGV[2]) end
for _, each in ipairs(redis.call('SMEMBERS', bases)) do
    redis.call('HDEL', ARGV[1] .. each, ARGV[2])
end
redis.call('HSET', forgotten, ARGV[3], ARGV[4])
redis.call('HINCRBY', facts, 'times forgotten', 1)
return {number, base}
"""

_DROP = """
local function drop_other_bases(facts, bases, prefix, newest)
    local read = redis.call('HGET', facts, 'base number')
    for _, each in ipairs(redis.call('SMEMBERS', bases)) do
        if each ~= read and each ~= newest then
            redis.call('UNLINK', prefix .. each)
            redis.call('SREM', bases, each)
        end
    end
end
"""

BEGIN_BASE = (
    _DROP
    + """
local facts, bases = KEYS[1], KEYS[2]
local number = string.format('%.0f', redis.call('HINCRBY', facts, 'bases begun', 1))
drop_other_bases(facts, bases, ARGV[1], number)
redis.call('SADD', bases, number)
return number
"""
)

ADD_TO_BASE = """
local facts, base = KEYS[1], KEYS[2]
if redis.call('HGET', facts, 'bases begun') ~= ARGV[1] then return 'replaced' end
if (redis.call('HGET', facts, 'times forgotten') or '0') ~= ARGV[2] then return 'again' end
for i = 3, #ARGV, 2 do redis.call('HSET', base, ARGV[i], ARGV[i + 1]) end
return 'done'
"""

END_BASE = (
    _DROP
    + """
local facts, bases = KEYS[1], KEYS[2]
if redis.call('HGET', facts, 'bases begun') ~= ARGV[2] then return 'replaced' end
redis.call('HSET', facts, 'base', ARGV[3], 'base number', ARGV[2])
drop_other_bases(facts, bases, ARGV[1], ARGV[2])
return 'done'
"""
)
