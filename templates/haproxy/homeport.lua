-- Written by homeport; changes made here are lost.
-- What HAProxy asks the disk at a request: whether a file is there, the page of maintenance, and what Certbot has put down
-- for its authority. So a file says what is live, before and after a reload alike, and nobody has to tell any process.

local CHALLENGES = "{{ webroot }}/.well-known/acme-challenge/"
local NOT_THERE = 2  -- ENOENT
local last = {}

-- "yes" or "no". When that cannot be known (no file can be opened any more, say), as it was last.
core.register_converters("homeport_there", function(path)
    local file, _, number = io.open(path, "r")
    if file then
        file:close()
        last[path] = "yes"
    elseif number == NOT_THERE or not last[path] then
        last[path] = "no"
    end
    return last[path]
end)

local function answer(applet, status, kind, text)
    applet:set_status(status)
    applet:add_header("content-type", kind)
    applet:add_header("content-length", tostring(#text))
    applet:start_response()
    if applet.method ~= "HEAD" then
        applet:send(text)
    end
end

local function read(path)
    local file = io.open(path, "r")
    local text = file and file:read("a")
    if file then
        file:close()
    end
    return text
end

core.register_service("homeport_maintenance", "http", function(applet)
    applet:add_header("retry-after", applet:get_var("txn.retry"))
    applet:add_header("cache-control", "no-store")
    answer(applet, 503, "text/html; charset=utf-8", read(applet:get_var("txn.page")) or "")
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
