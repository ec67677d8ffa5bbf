local LIMIT = tonumber(os.getenv(SECONDS) or "")

-- What is known of the engine; times are unix seconds.
-- since: the newest sign of life; signs: what its core had reported by then; silent: the last look found no new sign; most: as
-- many requests have waited in this silence; stalled: it has been silent for LIMIT seconds; count: how often it has stalled since
-- this guard started; at, waiting, seconds: when it last did, with how many requests, after how long a silence.
local known = {signs = "", silent = false, most = 0, stalled = false, count = 0}

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

-- Take in the text of the engine's metrics, nil where none came. An engine whose metrics hold no signs is not found silent, and
-- neither is one that has answered no request yet, since it may be compiling for the first.
function looked(now, text)
  local signs, answered = nil, false
  if text then signs, answered = read(text) end
  if signs and not (answered and signs ~= "" and signs == known.signs) then return alive(now, signs) end
  known.silent, known.since = true, known.since or now
end

-- Tell whether the engine is to be asked for its metrics: while clients wait, and until a silence has ended.
function is_watched(waiting) return waiting > 0 or known.silent end

-- Tell whether the engine is to be asked for a token: what waits may be a body on its way, or an answer that nobody reads.
function is_doubted(now) return known.silent and now - known.since >= LIMIT / 2 end

-- Return whether the engine is stalled, while `waiting` requests of clients are in it.
function judged(now, waiting)
  local seconds = known.silent and now - known.since or 0
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

-- Look at the engine, and judge. An answer below 500 comes from a server that works, if not from one that takes the question.
local function look(handle)
  local status, text = ask(handle, ADMIN, ACTIVE, 1)
  local waiting = status == 200 and tonumber(text:match(": (%d+)")) or 0
  if not is_watched(waiting) then return alive(os.time()) end
  status, text = ask(handle, PROBE, METRICS, PATIENCE)
  looked(os.time(), status < 500 and text or nil)
  if is_doubted(os.time()) then
    status = ask(handle, PROBE, os.getenv(PATH), math.min(PATIENCE, LIMIT / 8), bytes(os.getenv(BODY)))
    if status < 500 then alive(os.time()) end
  end
  judged(os.time(), waiting)
end

-- Readiness falls with a stall too, and is asked alone while an engine that was restarted for it loads: so it looks again.
function envoy_on_request(handle)
  local probe = handle:metadata():get("probe")
  if not (LIMIT and probe) then return end
  if probe == "alive" or known.stalled then look(handle) end
  if known.stalled then
    handle:respond({[":status"] = "503"}, string.format("no sign of life for %d s\n", os.time() - known.since))
  end
end

function envoy_on_response(handle)
  local stalls = handle:metadata():get("stalls") and told()
  if stalls then handle:headers():replace(STALLS, stalls) end
end
