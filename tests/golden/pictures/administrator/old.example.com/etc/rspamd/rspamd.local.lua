-- templates/etc/rspamd/rspamd.local.lua.j2 wrote this file; the next deploy overwrites a change made here.

-- Nobody speaks for somebody else. Postfix compares the envelope with the login; readers see the header From, so it is compared here.
-- What its fields say is read from the bytes that leave, as strictly as RFC 5322 section 3.4 without its obsolete forms: where two
-- programs could read two addresses it is refused, since one of them would show the wrong one.
local logger = require "rspamd_logger"
local util = require "rspamd_util"

local owners = rspamd_config:add_map{
  type = "map",
  url = "/etc/rspamd/maps/sender_logins",
  description = "who may send as which address",
}

-- SPF names this host for them: as an envelope sender each vouches for a From of its domain.
local OURS = { ["example.com"] = true, ["example.net"] = true, }

local function domain_of(address)
  return address:lower():match("[^@]*$")
end

-- Without its extension. It has none where the local part begins with the delimiter, as in Postfix.
local function bare(address)
  local user, domain = address:lower():match("^(.[^+@]*)[^@]*(@[^@]+)$")
  return user and user .. domain or address:lower()
end

-- The first entry decides, as in Postfix: the address, the address without extension, the domain's catch-all.
local function owns(login, address)
  for _, key in ipairs{address:lower(), bare(address), "@" .. domain_of(address)} do
    local logins = owners:get_key(key)
    if logins then
      return (", " .. logins .. ","):find(", " .. login .. ",", 1, true) ~= nil
    end
  end
  return false
end

local MOST, LONGEST = 10, 2000
local SENTENCE = " is not one that every mail program reads alike: write Name <user@domain>, the name in quotes if it has more than letters,"
  .. " without comments; at most " .. MOST .. " addresses"
local ATEXT = "%w!#$%%&'*+/=?^_`{|}~%-"

local function is_address(text)
  local user, domain = text:match("^([" .. ATEXT .. ".]+)@([%w.-]+)$")
  return user and #user <= 64 and not ("." .. user .. "."):find("..", 1, true) and not ("." .. domain .. "."):find("%.[.-]")
    and not domain:find("-.", 1, true)
end

-- No control character, no mark that turns the direction of text.
local function is_plain(text)
  return not text:find("%c") and not text:find("\194[\128-\159]") and not text:find("\226\128[\168-\174]")
    and not text:find("\226\129[\166-\169]")
end

local CHARSETS = { "^utf%-8$", "^us%-ascii$", "^iso%-8859%-%d+$", "^windows%-125%d$", "^koi8%-%a$", "^gb", "^big5", "^euc%-", "^shift_jis$" }

-- RFC 2047: what many programs decode before they look for addresses, so it hides none.
local function is_encoded_word(word)
  local charset, encoding, text = word:match("^=%?([%w_-]+)%*?[%w-]*%?([BbQq])%?([^?]+)%?=$")
  if not charset then
    return false
  end
  if encoding:lower() == "b" then
    text = #text % 4 == 0 and text:find("^[%w+/]+=?=?$") and tostring(util.decode_base64(text))
  else
    text = not text:gsub("=%x%x", ""):find("=") and text:gsub("_", " "):gsub("=(%x%x)", function(hex)
      return string.char(tonumber(hex, 16))
    end)
  end
  if not text or not is_plain(text) or text:find('[<>@"\\]') then
    return false
  end
  for _, known in ipairs(CHARSETS) do
    if charset:lower():find(known) then
      return known ~= CHARSETS[1] or util.is_valid_utf8(text)
    end
  end
  return false
end

local function is_word(word)
  return word == "\1" or word:find("=?", 1, true) and is_encoded_word(word) or
    not word:find("=?", 1, true) and word:find("^[" .. ATEXT .. ".\128-\255]+$")
end

-- The addresses of a field, or nil where another program could read others.
local function read(value)
  local text = value:gsub("\r?\n([ \t])", "%1"):gsub("\t", " ")
  if #text > LONGEST or not util.is_valid_utf8(text) or not is_plain(text) then
    return nil
  end
  -- Each quoted string becomes a sign of its own.
  local is_sound = true
  text = text:gsub('\\["\\]', "\2"):gsub('"([^"]*)"', function(quoted)
    is_sound = is_sound and not quoted:find("[<>\\]") and not quoted:find("=?", 1, true) and not quoted:find("@.*[,;:]")
      and not quoted:find("[,;:].*@")
    return "\1"
  end)
  local addresses = {}
  for mailbox in (text .. ","):gmatch("([^,]*),") do
    local name, address = mailbox:match("^ *(.-) *<([^<>]*)> *$")
    if not name then
      name, address = "", mailbox:match("^ *(.-) *$")
    end
    for word in name:gmatch("[^ ]+") do
      is_sound = is_sound and is_word(word)
    end
    if not is_sound or not is_address(address) or #addresses == MOST then
      return nil
    end
    table.insert(addresses, address)
  end
  return addresses
end

-- Every field of the header as it stands there, in its order. Rspamd's own list has them as it understands them.
local function header(task)
  local fields = {}
  for line in tostring(task:get_raw_headers()):gmatch("[^\n]*\n?") do
    local name, value = line:match("^([^%s:][^:]*):(.*)$")
    if name then
      table.insert(fields, { name = name, is = name:lower():match("^(.-)%s*$"), value = value })
    elseif #fields > 0 then
      fields[#fields].value = fields[#fields].value .. line
    end
  end
  return fields
end

-- Where it is one address or more, and how many such fields there may be (RFC 5322 section 3.6).
local AUTHORS = { from = 1, sender = 1, ["resent-from"] = math.huge, ["resent-sender"] = math.huge }

-- What is wrong with who wrote a letter of this login, or nil.
local function wrong(login, fields)
  local count = { from = 0, sender = 0, ["resent-from"] = 0, ["resent-sender"] = 0 }
  for _, field in ipairs(fields) do
    if AUTHORS[field.is] then
      count[field.is] = count[field.is] + 1
      local addresses = field.is == field.name:lower() and read(field.value:gsub("\r?\n$", ""))
      if not addresses or field.is:find("sender") and #addresses > 1 then
        return "Header " .. field.is:gsub("%f[%w]%l", string.upper) .. SENTENCE
      end
      for _, address in ipairs(addresses) do
        if login ~= bare(address) and not owns(login, address) then
          return "Header " .. field.is:gsub("%f[%w]%l", string.upper) .. " is not owned by user " .. login
        end
      end
    end
  end
  if count.from ~= 1 or count.sender > 1 then
    return "Header From must be there once, and Sender once at most"
  end
end

-- Whoever has proven that he is `login` speaks: what is not his is refused, the rest may be signed.
local function speak(task, login, fields)
  local why = wrong(login, fields)
  if why then
    task:set_pre_result("reject", why, "HEADER_FROM_OWNED")
  else
    task:get_mempool():set_variable("speaks", "yes")
  end
  return not why
end

-- What a Sieve script sends begins with fields of Dovecot's, in an order that no script changes.
local function script(task, fields)
  local envelope = (task:get_from{"smtp", "orig"} or {})[1]
  envelope = envelope and envelope.addr or ""
  if #fields > 0 and fields[1].is ~= "x-sieve" and envelope == "" then
    -- A rejection, which Dovecot itself writes in the mailbox's name (postmaster_address).
    for _, field in ipairs(fields) do
      local from = field.is == "from" and read(field.value:gsub("\r?\n$", ""))
      if from then
        return speak(task, bare(from[1]), fields)
      end
    end
  elseif #fields > 1 and fields[2].is == "x-sieve-redirected-from" then
    -- Somebody else wrote it: our signature would vouch for whatever name stands in it, and so would SPF for an envelope of ours. Where
    -- that is not the author's own, the letter travels without (RFC 5228 section 4.2).
    if OURS[domain_of(envelope)] and (not is_address(envelope) or wrong(bare(envelope), fields)) then
      task:set_milter_reply{ change_from = "<>" }
    end
    return
  elseif is_address(envelope) then
    -- An answer or a notification. Nobody answers to it (RFC 3834 section 3.3): whose it is is proven now.
    if speak(task, bare(envelope), fields) then
      task:set_milter_reply{ change_from = "<>" }
    end
    return
  end
  task:set_pre_result("reject", "A Sieve script of nobody", "HEADER_FROM_OWNED")
end

-- By which way a letter came: who has logged in, or what master.cf calls it (milter_macro_daemon_name).
local function way(task)
  return task:get_user() and "ORIGINATING" or tostring(task:get_request_header("MTA-Name"))
end

local WAYS = {
  ORIGINATING = function(task, fields)
    speak(task, task:get_user():lower(), fields)
  end,
  SIEVE = script,
  -- Bounces, and what root hands in; not what was somebody's letter before, and is put back into the queue by postsuper(1).
  HOST = function(task, fields)
    for _, field in ipairs(fields) do
      if field.is == "received" then
        return
      end
    end
    task:get_mempool():set_variable("speaks", "yes")
  end,
}

rspamd_config:register_symbol{
  name = "HEADER_FROM_OWNED",
  type = "prefilter",
  priority = 10,
  callback = function(task)
    -- What cannot be judged is not believed: it waits.
    local is_judged, error = pcall(function()
      local judge = WAYS[way(task)]
      if judge then
        judge(task, header(task))
      end
    end)
    if not is_judged then
      logger.errx(task, "HEADER_FROM_OWNED: %1", error)
      task:set_pre_result("soft reject", "Try again later", "HEADER_FROM_OWNED")
    end
  end,
}

-- Nothing else is signed, wherever it comes from.
rspamd_config:add_condition("DKIM_SIGNED", function(task)
  return task:get_mempool():get_variable("speaks") == "yes"
end)

-- Is this host's own name in From, as any program could read it? Nobody's mailbox has that name.
local NAME = "old.example.com"
local AT_NAME = "@" .. NAME:gsub("%p", "%%%0") .. "[^%w.-]"

local function is_in_our_name(fields)
  for _, field in ipairs(fields) do
    if field.is == "from" and (field.value:lower():gsub("%s", "") .. ","):find(AT_NAME) then
      return not OURS[NAME]
    end
  end
end

-- What a stranger sends may be forwarded, and then SPF passes for its envelope, and for this host's name, which forwarded mail bears (SRS).
-- So an envelope sender of ours stays one only if SPF says so, and nobody else writes in the host's own name.
rspamd_config:register_symbol{
  name = "STRANGER_AS_US",
  type = "postfilter",
  callback = function(task)
    if WAYS[way(task)] then
      return
    end
    local envelope = (task:get_from{"smtp", "orig"} or {})[1]
    if envelope and OURS[domain_of(envelope.addr)] and not task:has_symbol("R_SPF_ALLOW") then
      task:set_milter_reply{ change_from = "<>" }
    end
    if is_in_our_name(header(task)) and not task:has_symbol("DMARC_POLICY_ALLOW") then
      task:set_pre_result("reject", "Only " .. NAME .. " itself writes in its name", "STRANGER_AS_US")
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
