-- KEYS[2]: the leases, a hash. ARGV: fingerprint, name, replica, milliseconds (empty: give it back).
if found and found ~= ARGV[1] then return {'foreign', found} end
if not found then return {'behind', digits(counter)} end
local time = now()
local ends, holder = string.match(redis.call('HGET', KEYS[2], ARGV[2]) or '', '^(%d+) ([a-z0-9-]+)$')
if ARGV[4] == '' then
  if holder == ARGV[3] then redis.call('HDEL', KEYS[2], ARGV[2]) end
  return {'done'}
end
if holder and holder ~= ARGV[3] and time < whole(ends) then return {'done', holder, ends} end
ends = digits(time + tonumber(ARGV[4]))
redis.call('HSET', KEYS[2], ARGV[2], ends .. ' ' .. ARGV[3])
return {'done', ARGV[3], ends}
