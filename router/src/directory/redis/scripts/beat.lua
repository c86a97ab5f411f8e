-- KEYS[2]: the heartbeats, a hash. ARGV: fingerprint, replica, milliseconds to live (empty: a goodbye), payload,
-- milliseconds that a heartbeat is kept.
if found and found ~= ARGV[1] then return {'foreign', found} end
if not found then return {'behind', digits(counter)} end
local time = now()
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[2], ARGV[2])
else
  redis.call('HSET', KEYS[2], ARGV[2], digits(time) .. ' ' .. digits(time + tonumber(ARGV[3])) .. ' ' .. ARGV[4])
end
local all = redis.call('HGETALL', KEYS[2])
for at = 1, #all, 2 do
  local beaten = string.match(all[at + 1], '^(%d+) %d+ ')
  if beaten and time - whole(beaten) > tonumber(ARGV[5]) then redis.call('HDEL', KEYS[2], all[at]) end
end
return {'done', digits(counter), digits(time)}
