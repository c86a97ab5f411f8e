-- ARGV: fingerprint, channel, highest epoch seen, value (empty: delete), then for each key that is compared: its field, the
-- epoch that must stand (empty: none), and a text that counts as nothing because it is not readable. The first is written.
local function standing(raw)
  local epoch, rest = string.match(raw or '', '^(%d+) %d+(.*)$')
  if epoch and rest ~= '' then return epoch end
  return ''
end

if found and found ~= ARGV[1] then return {'foreign', found} end
if not found or counter < whole(ARGV[3]) then return {'behind', digits(counter)} end

local equal, raws = true, {'conflict'}
for at = 5, #ARGV, 3 do
  local raw = redis.call('HGET', KEYS[1], ARGV[at])
  if raw and raw == ARGV[at + 2] then raw = false end
  if standing(raw) ~= ARGV[at + 1] then equal = false end
  raws[#raws + 1] = raw
end
if not equal then return raws end
if counter >= 9007199254740991 then return redis.error_reply('ERR the counter is at its end') end

local raw = digits(counter + 1) .. ' ' .. digits(now())
if ARGV[4] ~= '' then raw = raw .. ' ' .. ARGV[4] end
redis.call('HSET', KEYS[1], '#counter', digits(counter + 1), ARGV[5], raw)
redis.call('PUBLISH', ARGV[2], ARGV[5] .. ' ' .. raw)
return {'done', raw}
