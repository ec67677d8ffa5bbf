local members, asked_at = 1, -1

-- Return the number of guards that share a limit: the members of Envoy's local cluster, asked for at most once a second.
local function peers(handle)
  if asked_at ~= os.time() then
    asked_at = os.time()
    local _, body = handle:httpCall(ADMIN, {[":method"] = "GET", [":authority"] = ADMIN,
      [":path"] = PEERS}, nil, 1000)
    members = math.max(1, tonumber((body or ""):match(": (%d+)")) or members)
  end
  return members
end

-- Answer how vLLM is. Nothing of the request goes to vLLM, and nothing but whether its status is 200 comes from there.
local function answer_health(handle)
  handle:respond({[":status"] = healthy(handle) and "200" or "503"})
end

-- Keep the headers that are listed. None is removed while they are told.
local function keep(headers, listed)
  local others = {}
  for name in pairs(headers) do
    if not listed[name] and name:sub(1, 1) ~= ":" then others[#others + 1] = name end
  end
  for _, name in ipairs(others) do headers:remove(name) end
end

-- Write the limit into headers, in requests, and when the next one passes. The limiter counts tokens, and knows no costs.
-- No object of the handle may be kept over a call of `peers`, which may wait for its answer.
local function tell_limit(handle)
  local facts, headers = handle:metadata(), handle:headers()
  local cost, rate, limit = tonumber(facts:get("cost")), BUDGET / SECONDS[facts:get("unit")], facts:get("limit")
  local left = tonumber(headers:get("x-ratelimit-remaining"))
  local remaining, reset = math.floor(left / cost), math.ceil((BUDGET - left) / rate)
  if headers:get(":status") == "429" then
    remaining, reset = 0, math.max(1, math.ceil((cost * peers(handle) - left) / rate))
    handle:headers():replace("retry-after", string.format("%d", reset))
  end
  headers = handle:headers()
  headers:replace("x-ratelimit-limit", string.format("%d", limit))
  headers:replace("x-ratelimit-remaining", string.format("%d", remaining))
  headers:replace("x-ratelimit-reset", string.format("%d", reset))
end

local decoded = {}
for code = 32, 127 do
  decoded[string.format("%02x", code)], decoded[string.format("%02X", code)] = string.char(code), string.char(code)
end

-- Replace what looks like a key, also a percent-encoded one. A text without a key is returned as it was sent.
-- A percent sign may itself be encoded. What is not plain after four rounds is not shown.
local function without_keys(text)
  local plain, count = text:sub(1, 600), 1
  for _ = 1, 4 do
    if not plain:find("%", 1, true) then break end
    plain, count = plain:gsub("%%([2-7]%x)", decoded)
    if count == 0 then break end
  end
  if plain:find("%%[2-7]%x") then return "..." end
  local masked, keys = plain:gsub("sk%-[%w_%%-]+", "sk-...")
  return (keys > 0 and masked or text)
end

-- Cut the request's ID to what may stand in a log and in each chunk of a stream: short, and without anything like a key.
local function clean_id(headers)
  local id = without_keys((headers:get("x-request-id") or ""):sub(1, 600)):gsub("[^%w._-]", ""):sub(1, 128)
  if id == "" then id = "none" end
  headers:replace("x-request-id", id)
  return id
end

-- Note for the log the path without its query and without anything that looks like a key, and the request's ID.
local function note(handle)
  local headers, noted = handle:headers(), handle:streamInfo():dynamicMetadata()
  local path = (headers:get(":path") or ""):match("^[^?#]*")
  noted:set("guard", "path", without_keys(path):sub(1, 200))
  noted:set("guard", "request_id", clean_id(headers))
end

-- Return the length that a body is said to have; nil where nothing is said, as of one in chunks.
local function length_of(handle) return tonumber(handle:headers():get("content-length") or "") end

-- Drop the query. No call has one, and vLLM would log a key that a caller put there.
local function drop_query(handle)
  local path = handle:headers():get(":path") or ""
  local query = path:find("?", 1, true)
  if query then handle:headers():replace(":path", path:sub(1, query - 1)) end
end

-- Of each client the bodies that are on their way. What a caller who left has begun is forgotten when Lua next collects what
-- nobody holds, which is asked of it where a client has as many as it may have.
local awaited, collected_at = {}, -1

local function is_full(bodies)
  local count = 0
  for _ in pairs(bodies) do count = count + 1 end
  return count >= MOST_AWAITED
end

-- Return the bodies of a client that are on their way; nil where it may have no more of them.
local function place(client)
  local bodies = awaited[client] or setmetatable({}, {__mode = "k"})
  awaited[client] = bodies
  if is_full(bodies) and collected_at ~= os.time() then
    collected_at = os.time()
    collectgarbage()
  end
  return not is_full(bodies) and bodies or nil
end

-- Wait for the whole of a small body. An answer before it costs the connection, and some clients (curl 7.88 over HTTP/2) report
-- an error instead of the answer. vLLM begins only with a whole request, so nothing is lost. Who waits to be asked for the body
-- is answered first. One in chunks is waited for where no filter counts it: Envoy holds a little of it, and refuses more.
-- Tell whether the body is whole.
local function take_in(handle)
  local cost, length = handle:metadata():get("cost"), length_of(handle)
  local is_small = length and length > 0 and length <= (cost and WHOLE or WHOLE_KEYLESS) and not handle:headers():get("expect")
  local is_uncounted = cost and not length and not COUNTED
  if is_small or is_uncounted then handle:body() end
  return is_small or is_uncounted
end

-- Return the origin whose pages may read the answer: the caller's, where the live part lists it, or any; else nil.
local function readable_by(handle)
  local origin, origins = handle:headers():get("origin"), handle:virtualHost():metadata():get("origins")
  for _, one in ipairs(origin and origins or {}) do
    if one == "*" or one == origin then return one end
  end
end

local function answer_preflight(handle, method)
  handle:respond({[":status"] = "200", ["access-control-allow-methods"] = method,
    ["access-control-allow-headers"] = ALLOWED, ["access-control-max-age"] = MAX_AGE})
end

local function let_read(handle, origin)
  local headers = handle:headers()
  headers:add("vary", "Origin")
  headers:replace("access-control-allow-origin", origin)
  headers:replace("access-control-expose-headers", EXPOSED)
end

-- Tell whether a body is said to be longer than it may be.
local function is_too_long(handle)
  local length = length_of(handle)
  return length and length > (handle:virtualHost():metadata():get("max_request_bytes") or length)
end

-- Check a request, and let it through.
local function pass(handle)
  local expires_at = handle:metadata():get("expires_at")
  if expires_at and os.time() >= expires_at then
    handle:respond({[":status"] = "401",
      ["www-authenticate"] = 'Bearer error="invalid_token", error_description="expired"'}, EXPIRED)
  end
  if handle:metadata():get("cost") then keep(handle:headers(), TO_ENGINE) end
  handle:streamInfo():dynamicMetadata():set("guard", PASSED, true)
end

-- Let a request of a client through, which has a place among its bodies until its own is whole.
local function pass_with_body(handle)
  local bodies, body = place(handle:metadata():get("client")), {}
  if not bodies then return handle:respond({[":status"] = "429"}) end
  bodies[body] = true
  local is_whole = take_in(handle)
  if is_whole then bodies[body] = nil end  -- before pass(), which may refuse and does not come back then
  pass(handle)
  if not is_whole then for _ in handle:bodyChunks() do end end
  bodies[body] = nil
end

function envoy_on_request(handle)
  note(handle)
  drop_query(handle)
  local origin, method = readable_by(handle), handle:metadata():get("preflight")
  if origin then handle:streamInfo():dynamicMetadata():set("guard", "origin", origin) end
  if origin and method then return answer_preflight(handle, method) end
  if handle:metadata():get("health") then return answer_health(handle) end
  if is_too_long(handle) then return handle:respond({[":status"] = "413"}) end
  local has_body = handle:headers():get(":method") ~= "GET" and length_of(handle) ~= 0
  if has_body and handle:metadata():get("cost") then return pass_with_body(handle) end
  take_in(handle)
  pass(handle)
end

function envoy_on_response(handle)
  local noted = handle:streamInfo():dynamicMetadata():get("guard")
  if handle:metadata():get("cost") then keep(handle:headers(), FROM_ENGINE) end
  if noted and noted["origin"] then let_read(handle, noted["origin"]) end
  if handle:metadata():get("cost") and handle:headers():get("x-ratelimit-remaining") then
    tell_limit(handle)
  end
  local headers = handle:headers()
  local seconds = AFTER[headers:get(":status")]
  if seconds and not headers:get("retry-after") then headers:add("retry-after", seconds) end
end
