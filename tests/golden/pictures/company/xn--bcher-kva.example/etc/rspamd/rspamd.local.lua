-- templates/etc/rspamd/rspamd.local.lua.j2 wrote this file; the next deploy overwrites a change made here.

-- Nobody sends as somebody else. Postfix compares the envelope with the login; readers see the header From, so it is compared here.
local owners = rspamd_config:add_map{
  type = "map",
  url = "/etc/rspamd/maps/sender_logins",
  description = "who may send as which address",
}

-- The first entry decides, as in Postfix: the address, the address without extension, the domain's catch-all.
local function owns(login, from)
  local user, domain = from.user:lower(), "@" .. from.domain:lower()
  for _, key in ipairs{user .. domain, user:gsub("%+.*", "") .. domain, domain} do
    local logins = owners:get_key(key)
    if logins then
      return (", " .. logins .. ","):find(", " .. login .. ",", 1, true) ~= nil
    end
  end
  return false
end

local function refuse(task, text)
  task:set_pre_result("reject", text, "HEADER_FROM_OWNED")
end

rspamd_config:register_symbol{
  name = "HEADER_FROM_OWNED",
  type = "prefilter",
  callback = function(task)
    local login = task:get_user()
    if not login then
      return
    end
    -- RFC 5322 section 3.6: exactly one From; with two, each reader shows another.
    if #(task:get_header_full("From") or {}) ~= 1 then
      return refuse(task, "Header From must be there once")
    end
    for _, from in ipairs(task:get_from{"mime", "orig"} or {{ user = "", domain = "" }}) do
      if not owns(login:lower(), from) then
        return refuse(task, "Header From is not owned by user " .. login)
      end
    end
  end,
}

-- RFC 5322 section 2.1.1: no line is longer than 998 octets. Servers on the way refuse such a letter, or fold the line, and then
-- its signature is wrong. Whoever writes it is told at once; what others have signed passes as it is.
local rspamd_regexp = require "rspamd_regexp"
local long_line = rspamd_regexp.create("/(?:^|\\n)[^\\r\\n]{999}/")

rspamd_config:register_symbol{
  name = "LINE_TOO_LONG",
  type = "prefilter",
  callback = function(task)
    if task:get_user() and long_line:search(task:get_content(), true) then
      task:set_pre_result("reject", "A line is longer than 998 octets (RFC 5322 section 2.1.1)", "LINE_TOO_LONG")
    end
  end,
}
