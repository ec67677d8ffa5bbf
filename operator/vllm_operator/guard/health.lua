local is_healthy, told_at, asked_at, askers = false, -1, -1, 0

-- Tell whether vLLM's own health says 200. ASKERS callers a second ask; the others get what was said at most AGE seconds ago. Where
-- nothing was, MOST_ASKERS callers a second ask, and the others are told that it is not healthy.
local function healthy(handle)
  local now = os.time()
  local is_stale = now - told_at > AGE
  if asked_at ~= now then asked_at, askers = now, 0 end
  if askers >= (is_stale and MOST_ASKERS or ASKERS) then return is_healthy and not is_stale end
  askers = askers + 1
  local headers = handle:httpCall(PROBE, {[":method"] = "GET", [":authority"] = PROBE, [":path"] = HEALTH}, nil, FOR_HEALTH * 1000)
  is_healthy, told_at = headers[":status"] == "200", os.time()
  return is_healthy
end
