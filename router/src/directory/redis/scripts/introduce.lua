-- ARGV[2]: hubs, one space between two. Founds the directory, or adds hubs to it.
if not found then
  redis.call('HSET', KEYS[1], '#fingerprint', ARGV[1], '#hubs', ARGV[2])
  return {'done', ARGV[1], ARGV[2]}
end
local known, all = {}, redis.call('HGET', KEYS[1], '#hubs') or ''
for hub in string.gmatch(all, '%S+') do known[hub] = true end
local own, added = false, all
for hub in string.gmatch(ARGV[2], '%S+') do
  if known[hub] then own = true else added = added .. ' ' .. hub end
end
if not own then return {'foreign', found} end
if added ~= all then redis.call('HSET', KEYS[1], '#hubs', added) end
return {'done', found, added}
