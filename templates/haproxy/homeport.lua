-- Written by homeport; changes made here are lost.
-- What HAProxy asks the disk at a request: whether a file is there, the page of maintenance, and what Certbot has put down
-- for its authority. So a file says what is live, before and after a reload alike, and nobody has to tell any process.

local CHALLENGES = "{{ webroot }}/.well-known/acme-challenge/"
local NOT_THERE = 2  -- ENOENT
local last = {}

local function there(path)
    local file, _, number = io.open(path, "r")
    if file then
        file:close()
        last[path] = "yes"
    elseif number == NOT_THERE or not last[path] then
        last[path] = "no"
    end
    return last[path]
end

-- "yes" or "no". When that cannot be known (no file can be opened any more, say), as it was last.
core.register_converters("homeport_there", there)

-- The place of the live slot among the servers: "0" is the first one, by the hash of a site's `balance`.
core.register_converters("homeport_live", function(path)
    return there(path) == "yes" and "1" or "0"
end)

local function read(path)
    local file = io.open(path, "r")
    local text = file and file:read("a")
    if file then
        file:close()
    end
    return text
end

-- Waits while a file is there and its time has not come (homeport/host/proxies/held.py), no longer than the seconds say.
core.register_action("homeport_wait", {"http-req"}, function(txn)
    local seconds, path = txn:get_var("txn.wait"):match("^(%d+) (.*)$")
    local ends = core.now().sec + tonumber(seconds)
    while core.now().sec < math.min(ends, tonumber(read(path) or "") or 0) do
        core.msleep(50)
    end
end)

local function answer(applet, status, kind, text)
    applet:set_status(status)
    applet:add_header("content-type", kind)
    applet:add_header("content-length", tostring(#text))
    applet:start_response()
    if applet.method ~= "HEAD" and #text > 0 then
        applet:send(text)
    end
end

-- An answer that comes while its client is sending reaches it only if that is read on: HAProxy before 3.0 does not, and ends
-- the connection (HTTP/1.1) or the request (HTTP/2) with an error. Nginx reads as long (`lingering_time`, and
-- `lingering_timeout` while nothing comes). `receive` itself waits for ever, and a request whose client went quiet or away
-- would stay until HAProxy stops: whoever uses this service sets the server's timeout, which ends it.
local LINGERING_SECONDS = 30

local function read_on(applet)
    local ends = core.now().sec + LINGERING_SECONDS
    repeat until #applet:receive(65536) == 0 or core.now().sec >= ends
end

core.register_service("homeport_maintenance", "http", function(applet)
    applet:add_header("retry-after", applet:get_var("txn.retry"))
    applet:add_header("cache-control", "no-store")
    local said = applet:get_var("txn.said")
    if said then
        answer(applet, 503, "application/json", said)
    else
        answer(applet, 503, "text/html; charset=utf-8", read(applet:get_var("txn.page")) or "")
    end
    read_on(applet)
end)

core.register_service("homeport_too_large", "http", function(applet)
    local text = applet:get_var("txn.before") .. applet:get_var("txn.too_large") .. applet:get_var("txn.after")
    applet:add_header("cache-control", "no-store")
    answer(applet, 413, applet:get_var("txn.json") and "application/json" or "text/html; charset=utf-8", text)
    read_on(applet)
end)

core.register_service("homeport_challenge", "http", function(applet)
    -- RFC 8555, 8.3: a token has letters, digits, - and _ alone.
    local token = applet.path:match("^/%.well%-known/acme%-challenge/([%w_-]+)$")
    if applet.method ~= "GET" and applet.method ~= "HEAD" then
        return answer(applet, 405, "text/plain", "")
    end
    local text = token and read(CHALLENGES .. token)
    answer(applet, text and 200 or 404, "text/plain", text or "")
end)
