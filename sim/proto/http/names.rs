//! Methods and statuses by number.

/// Methods, the number of each being its place and one: RFC 9110 section 9, RFC 5789, RFC 4918
/// (WebDAV), \[MS-RPCH\] section 2.1.2.1, and those of BITS and Configuration Manager.
const METHODS: [&str; 25] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "CONNECT",
    "OPTIONS",
    "TRACE",
    "PATCH",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "SEARCH",
    "REPORT",
    "SUBSCRIBE",
    "NOTIFY",
    "RPC_IN_DATA",
    "RPC_OUT_DATA",
    "RPC_CONNECT",
    "BITS_POST",
    "CCM_POST",
];

/// Number of a method.
pub(super) fn number(method: &[u8]) -> u32 {
    let place = METHODS.iter().position(|known| known.as_bytes() == method);
    place.and_then(|place| u32::try_from(place + 1).ok()).unwrap_or(super::OTHER_METHOD)
}

/// Name of the method with a number.
pub(super) fn method(number: u32) -> Option<&'static str> {
    METHODS.get(usize::try_from(number.checked_sub(1)?).ok()?).copied()
}

/// IANA: HTTP status codes; of others their class, RFC 9110 section 15.
pub(super) const fn status(code: u32) -> Option<&'static str> {
    Some(match code {
        100 => "100 Continue",
        101 => "101 Switching Protocols",
        200 => "200 OK",
        201 => "201 Created",
        202 => "202 Accepted",
        204 => "204 No Content",
        206 => "206 Partial Content",
        207 => "207 Multi-Status",
        301 => "301 Moved Permanently",
        302 => "302 Found",
        303 => "303 See Other",
        304 => "304 Not Modified",
        307 => "307 Temporary Redirect",
        308 => "308 Permanent Redirect",
        400 => "400 Bad Request",
        401 => "401 Unauthorized",
        403 => "403 Forbidden",
        404 => "404 Not Found",
        405 => "405 Method Not Allowed",
        407 => "407 Proxy Authentication Required",
        408 => "408 Request Timeout",
        409 => "409 Conflict",
        411 => "411 Length Required",
        412 => "412 Precondition Failed",
        413 => "413 Content Too Large",
        429 => "429 Too Many Requests",
        500 => "500 Internal Server Error",
        501 => "501 Not Implemented",
        502 => "502 Bad Gateway",
        503 => "503 Service Unavailable",
        504 => "504 Gateway Timeout",
        505 => "505 HTTP Version Not Supported",
        101..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        500..=599 => "5xx",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_and_numbers_lead_to_each_other() {
        for name in METHODS {
            assert_eq!(method(number(name.as_bytes())), Some(name));
        }
        assert_eq!((number(b"BREW"), method(0), method(26)), (0, None, None));
        assert_eq!((status(418), status(99), status(600)), (Some("4xx"), None, None));
    }
}
