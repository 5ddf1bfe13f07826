-- ListObjects (both versions) over a synthetic key space: key number i is data/%03d/%06d.bin of i / 1000 and i.
-- After them come the large objects, which can be read, so that a program that looks before it reads finds them.
-- All entries have the same width, so a page is one piece of one string that is made before the server starts.

local M = {}

local XML = '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'

local entries, width, synthetic, count

function M.load(path, keys, large)
    local file = assert(io.open(path, "rb"))
    entries = file:read("*a")
    file:close()
    synthetic, count = keys, keys + large
    width = #entries / count
    assert(width == math.floor(width), "the entries must have one width")
end

local function key(number)
    if number >= synthetic then
        return string.format("large/object-%02d.bin", number - synthetic)
    end
    return string.format("data/%03d/%06d.bin", math.floor(number / 1000), number)
end

-- The number of the first key that is not before text.
local function first_from(text)
    local low, high = 0, count
    while low < high do
        local middle = math.floor((low + high) / 2)
        if key(middle) < text then
            low = middle + 1
        else
            high = middle
        end
    end
    return low
end

-- The number after the last key that begins with prefix.
local function first_after_prefix(prefix)
    local stem = prefix:gsub("\255+$", "")
    if stem == "" then
        return count
    end
    return first_from(stem:sub(1, -2) .. string.char(stem:byte(-1) + 1))
end

local function start_of(args, prefix)
    local start = first_from(prefix)
    local token, after = args["continuation-token"], args["start-after"] or args.marker
    if token then
        start = math.max(start, tonumber(token) or 0)
    elseif type(after) == "string" and after ~= "" then
        start = math.max(start, first_from(after .. "\0"))
        if args.delimiter == after:sub(-1) and key(start):sub(1, #after) == after then
            start = first_after_prefix(after)    -- a common prefix that was listed already
        end
    end
    return start
end

local function flat(start, stop, limit)
    local last = math.min(stop, start + limit)
    return entries:sub(start * width + 1, last * width), last, last - start
end

local function folded(start, stop, limit, prefix, delimiter)
    local parts, number, shown, prefixes = {}, start, 0, {}
    while number < stop and shown < limit do
        local name = key(number)
        local _, position = name:find(delimiter, #prefix + 1, true)
        if position then
            local common = name:sub(1, position)
            prefixes[#prefixes + 1] = "<CommonPrefixes><Prefix>" .. common .. "</Prefix></CommonPrefixes>"
            number = math.min(stop, first_after_prefix(common))
        else
            parts[#parts + 1] = entries:sub(number * width + 1, (number + 1) * width)
            number = number + 1
        end
        shown = shown + 1
    end
    return table.concat(parts) .. table.concat(prefixes), number, shown
end

local function text(name, value, encode)
    if type(value) ~= "string" then
        return ""
    end
    if encode then
        value = ngx.escape_uri(value):gsub("%%2F", "/")
    end
    return "<" .. name .. ">" .. value:gsub("&", "&amp;"):gsub("<", "&lt;") .. "</" .. name .. ">"
end

-- One page as XML, as the query asks for it.
function M.page(args)
    local prefix = type(args.prefix) == "string" and args.prefix or ""
    local delimiter = type(args.delimiter) == "string" and args.delimiter or ""
    local limit = math.min(tonumber(args["max-keys"]) or 1000, 1000)
    local stop = first_after_prefix(prefix)
    local start = math.min(stop, start_of(args, prefix))
    local body, following, shown
    if delimiter == "" then
        body, following, shown = flat(start, stop, limit)
    else
        body, following, shown = folded(start, stop, limit, prefix, delimiter)
    end
    local encode = args["encoding-type"] == "url"
    local truncated = following < stop and limit > 0
    local second = args["list-type"] == "2"
    local head = "<Name>bench</Name>" .. text("Prefix", prefix, encode)
        .. text("Delimiter", args.delimiter, encode)
        .. text("StartAfter", args["start-after"], encode) .. text("EncodingType", args["encoding-type"])
        .. "<MaxKeys>" .. limit .. "</MaxKeys><IsTruncated>" .. tostring(truncated) .. "</IsTruncated>"
        .. (second and "<KeyCount>" .. shown .. "</KeyCount>" or text("Marker", args.marker or "", encode))
    if truncated then
        local name = second and "NextContinuationToken" or "NextMarker"
        head = head .. "<" .. name .. ">" .. (second and following or key(following - 1)) .. "</" .. name .. ">"
    end
    return { XML, head, body, "</ListBucketResult>" }
end

return M
