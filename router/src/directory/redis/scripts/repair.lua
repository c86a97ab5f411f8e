-- ARGV: fingerprint, channel, counter as it was found, counter to be set (empty: not yet, more entries follow), hubs, then
-- field and text of each entry that was lost.
if found and found ~= ARGV[1] then return {'foreign', found} end
if counter ~= whole(ARGV[3]) then return {'late'} end
if not found then redis.call('HSET', KEYS[1], '#fingerprint', ARGV[1], '#hubs', ARGV[5]) end
for at = 6, #ARGV, 2 do
  local there = string.match(redis.call('HGET', KEYS[1], ARGV[at]) or '', '^(%d+) %d+')
  local own = string.match(ARGV[at + 1], '^(%d+) %d+')
  if not there or whole(there) < whole(own) then redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
end
if ARGV[4] ~= '' then
  if whole(ARGV[4]) > counter then redis.call('HSET', KEYS[1], '#counter', ARGV[4]) end
  redis.call('PUBLISH', ARGV[2], '#resync')
end
return {'done'}
