-- What S3 answers, where it is not a file: writes (read, counted and dropped), the bucket, errors.

local listing = require("listing")

local M = {}

local ETAG = '"d41d8cd98f00b204e9800998ecf8427e"'
local UPLOAD_ETAG = '"d41d8cd98f00b204e9800998ecf8427e-9"'
local XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
local NAMESPACE = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'

-- There is one worker, so these are whole.
local received_bytes = 0
local uploading = {}        -- key -> bytes of its parts
local written = {}          -- key -> size and ETag, for a HEAD after the write

M.load = listing.load

local function answer(status, body)
    ngx.status = status
    ngx.header["x-amz-request-id"] = "BENCHMARK"
    if body then
        ngx.header["Content-Type"] = "application/xml"
        ngx.print(body)
    end
    return ngx.exit(ngx.OK)
end

local function refuse(status, code, message)
    local body = XML .. "<Error><Code>" .. code .. "</Code><Message>" .. message .. "</Message></Error>"
    return answer(status, ngx.req.get_method() ~= "HEAD" and body or nil)
end

local function delay()
    local seconds = ngx.var.answer_delay
    if seconds ~= "" then
        ngx.sleep(tonumber(seconds))
    end
end

-- A write waits after its body, a read before its answer.
function M.delay_reads()
    if ngx.var.uri ~= "/_write" then
        delay()
    end
end

local function take_body()
    ngx.req.read_body()
    local size = ngx.var.http_x_amz_decoded_content_length or ngx.var.http_content_length
    if not size then
        size = #(ngx.req.get_body_data() or "")
    end
    delay()
    return tonumber(size)
end

local function echo_checksum()
    local checksum = ngx.var.http_x_amz_checksum_crc64nvme
    if checksum then
        ngx.header["x-amz-checksum-crc64nvme"] = checksum
        ngx.header["x-amz-checksum-type"] = "FULL_OBJECT"
    end
end

local function put(key, part)
    local size = take_body()    -- others run meanwhile, so this must not be part of a sum
    received_bytes = received_bytes + size
    if part then
        uploading[key] = (uploading[key] or 0) + size
    else
        written[key] = { size, ETAG }
    end
    echo_checksum()
    ngx.header["ETag"] = ETAG
    ngx.header["Content-Length"] = 0
    return answer(200)
end

local function create_upload(key)
    take_body()
    uploading[key] = nil
    return answer(200, XML .. "<InitiateMultipartUploadResult" .. NAMESPACE .. "><Bucket>bench</Bucket><Key>" .. key
        .. "</Key><UploadId>benchmark-upload</UploadId></InitiateMultipartUploadResult>")
end

local function complete_upload(key)
    take_body()
    written[key] = { uploading[key] or 0, UPLOAD_ETAG }
    local checksum = ngx.var.http_x_amz_checksum_crc64nvme
    local tag = checksum and "<ChecksumCRC64NVME>" .. checksum .. "</ChecksumCRC64NVME>"
        .. "<ChecksumType>FULL_OBJECT</ChecksumType>" or ""
    return answer(200, XML .. "<CompleteMultipartUploadResult" .. NAMESPACE .. "><Location>/bench/" .. key
        .. "</Location><Bucket>bench</Bucket><Key>" .. key .. "</Key><ETag>" .. UPLOAD_ETAG .. "</ETag>" .. tag .. "</CompleteMultipartUploadResult>")
end

local function escape(text)
    return (text:gsub("&", "&amp;"):gsub("<", "&lt;"):gsub(">", "&gt;"))
end

function M.write()
    local method = ngx.req.get_method()
    local args = ngx.req.get_uri_args()
    local key = escape(ngx.unescape_uri(ngx.var.request_uri:match("^/bench/([^?]*)") or ""))
    if method == "PUT" then
        return put(key, args.partNumber)
    elseif method == "DELETE" then
        take_body()
        return answer(204)
    elseif args.uploads then
        return create_upload(key)
    elseif args.uploadId then
        return complete_upload(key)
    end
    return refuse(501, "NotImplemented", "the server of the benchmarks does not do this")
end

function M.bucket()
    local method = ngx.req.get_method()
    if method == "HEAD" then
        ngx.header["x-amz-bucket-region"] = "us-east-1"
        return answer(200)
    elseif method == "PUT" then    -- to create one's own bucket again is no error in us-east-1
        take_body()
        return answer(200)
    elseif method ~= "GET" then
        return refuse(501, "NotImplemented", "the server of the benchmarks does not do this")
    end
    local args = ngx.req.get_uri_args()
    if args.location then
        return answer(200, XML .. "<LocationConstraint" .. NAMESPACE .. "/>")
    end
    return answer(200, listing.page(args))
end

-- What is no file: an object that was written (its bytes are gone, so only HEAD finds it), or none.
function M.missing()
    local object = written[ngx.unescape_uri(ngx.var.request_uri:match("^/bench/([^?]*)") or "")]
    if object and ngx.req.get_method() == "HEAD" then
        ngx.header["Content-Length"], ngx.header["ETag"] = object[1], object[2]
        ngx.header["Last-Modified"] = ngx.http_time(ngx.time())
        return answer(200)
    end
    return refuse(404, "NoSuchKey", "The specified key does not exist.")
end

function M.received()
    ngx.say(received_bytes)
end

return M
