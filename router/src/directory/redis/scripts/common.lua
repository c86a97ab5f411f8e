-- Shared by all scripts. KEYS[1] is the directory, a hash; ARGV[1] is the fingerprint of who asks.
-- Replies begin with a word: what was done, or why nothing was.

-- A counter as a number; anything else counts as 0. Up to 2^53 - 1 a number of Lua is exact.
local function whole(text)
  if text and #text <= 16 and string.match(text, '^%d+$') then
    local number = tonumber(text)
    if number <= 9007199254740991 then return number end
  end
  return 0
end

local function digits(number) return string.format('%.0f', number) end

local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local found = redis.call('HGET', KEYS[1], '#fingerprint')
local counter = whole(redis.call('HGET', KEYS[1], '#counter'))
