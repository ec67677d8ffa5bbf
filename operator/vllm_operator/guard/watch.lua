local LIMIT = tonumber(os.getenv(SECONDS) or "")

-- What is known of the engine; times are unix seconds.
-- since: the newest sign of life; signs: what its core had reported by then; silent: the last look found no new sign; most: as
-- many requests have waited in this silence; stalled: it has been silent for LIMIT seconds; count: how often it has stalled since
-- this guard started; at, waiting, seconds: when it last did, with how many requests, after how long a silence; answered: it has
-- answered a request; looked_at: the second in which the newest look began.
local known = {signs = "", silent = false, most = 0, stalled = false, count = 0, answered = false, looked_at = -1}

-- Return the values that the engine's core alone changes, as one text, and whether it has answered a request.
local function read(text)
  local values, answered = {}, false
  for name, labels, value in text:gmatch("\n(vllm:[%w_]+){([^\n]*)} (%S+)") do
    if SIGNS[name] then values[#values + 1] = value end
    local reason = name == ENDED and labels:match('finished_reason="(%a+)"')
    if reason and reason ~= "abort" and reason ~= "error" and tonumber(value) > 0 then answered = true end
  end
  return table.concat(values, " "), answered
end

-- Take in a sign of life, or that there can be none to miss.
function alive(now, signs)
  known.since, known.signs, known.silent, known.most, known.stalled = now, signs or known.signs, false, 0, false
end

-- Return for how many seconds there has been no sign of life. A clock that was set back begins it anew.
function silence(now)
  if not known.since or now < known.since then known.since = now end
  return now - known.since
end

-- Take in the text of the engine's metrics, nil where its server answers nothing. An engine whose metrics hold no signs is not
-- found silent, and neither is one that has answered no request yet, since it may be compiling for the first.
function looked(now, text)
  local signs = known.signs
  if text then signs, known.answered = read(text) end
  if not known.answered or signs == "" or signs ~= known.signs then return alive(now, signs) end
  known.silent = true
end

-- Tell whether the engine is to be asked for its metrics: while clients wait, and until a silence has ended.
function is_watched(waiting) return waiting > 0 or known.silent end

-- Tell whether the engine is to be asked for a token: what waits may be a body on its way, or an answer that nobody reads.
function is_doubted(now) return known.silent and silence(now) >= LIMIT / 2 end

-- Return whether the engine is stalled, while `waiting` requests of clients are in it.
function judged(now, waiting)
  local seconds = known.silent and silence(now) or 0
  known.most = math.max(known.most, waiting)
  if seconds >= LIMIT and not known.stalled then
    known.stalled, known.count = true, known.count + 1
    known.at, known.waiting, known.seconds = now, known.most, seconds
  end
  return known.stalled
end

-- Return what the operator is told of stalls; nil where there was none.
function told()
  return known.count > 0 and string.format("count=%d at=%d waiting=%d seconds=%d now=%d", known.count, known.at,
    known.waiting, known.seconds, known.stalled and 1 or 0) or nil
end

-- Return the bytes that a variable holds: %20 stands for one, %00x99; for zeros.
function bytes(written)
  local whole = written:gsub("%%00x(%d+);", function(number) return ("\0"):rep(tonumber(number)) end)
  return (whole:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function ask(handle, cluster, path, seconds, body)
  local headers, text = handle:httpCall(cluster, {[":method"] = body and "POST" or "GET", [":path"] = path,
    [":authority"] = cluster, ["content-type"] = os.getenv(TYPE)}, body, math.ceil(1000 * seconds))
  return tonumber(headers[":status"]), text
end

-- Ask for a token. An answer below 500 comes from a server that works, if not from one that takes the question.
local function doubt(handle)
  local status = ask(handle, PROBE, os.getenv(PATH), math.min(FOR_TOKEN, LIMIT / 4), bytes(os.getenv(BODY)))
  if status < 500 then alive(os.time()) end
end

-- Look at the engine, judge, and return the status of its health where that was asked. The calls take at most FOR_ALL seconds
-- together. A server that is too busy for its metrics, and says in time that it is healthy, is not silent.
local function look(handle)
  local status, text = ask(handle, ADMIN, ACTIVE, FOR_STATS)
  local waiting = status == 200 and tonumber(text:match(": (%d+)")) or 0
  if not is_watched(waiting) then return alive(os.time()) end
  status, text = ask(handle, PROBE, METRICS, FOR_METRICS)
  local left, health, has_metrics = FOR_ALL - FOR_STATS - FOR_METRICS, nil, status < 500
  if has_metrics then
    looked(os.time(), text)
    if is_doubted(os.time()) then
      doubt(handle)
      left = left - FOR_TOKEN
    end
  end
  if not (has_metrics and known.stalled) then health = ask(handle, PROBE, HEALTH, left) end
  if not has_metrics then
    if health == 200 then alive(os.time()) else looked(os.time(), nil) end
  end
  judged(os.time(), waiting)
  return health
end

-- Tell whether a look may begin: one a second, and who asks meanwhile is told what the one before found.
function may_look(now)
  if known.looked_at == now then return false end
  known.looked_at = now
  return true
end

-- Readiness falls with a stall too, and is asked alone while an engine that was restarted for it loads: so it looks again.
function envoy_on_request(handle)
  local probe, health = handle:metadata():get("probe"), nil
  if not probe then return end
  if LIMIT and (probe == "alive" or known.stalled) and may_look(os.time()) then health = look(handle) end
  if known.stalled then
    handle:respond({[":status"] = "503"}, string.format("no sign of life for %d s\n", silence(os.time())))
  else
    local is_well = health and health == 200
    if health == nil then is_well = healthy(handle) end
    handle:respond({[":status"] = is_well and "200" or "503"})
  end
end

function envoy_on_response(handle)
  local stalls = handle:metadata():get("stalls") and told()
  if stalls then handle:headers():replace(STALLS, stalls) end
end
