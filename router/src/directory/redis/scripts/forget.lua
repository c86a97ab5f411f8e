-- ARGV: fingerprint, then field and text of each deletion that is old enough: gone, unless it was written anew.
if found ~= ARGV[1] then return {'foreign', found or ''} end
for at = 2, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[at]) == ARGV[at + 1] then redis.call('HDEL', KEYS[1], ARGV[at]) end
end
return {'done'}
