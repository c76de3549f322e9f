//! Status codes.

use core::fmt;

macro_rules! status_codes {
    ($($code:literal $name:ident $reason:literal,)*) => {
        impl StatusCode {
            $(#[doc = concat!("`", stringify!($code), " ", $reason, "`")] pub const $name: Self = Self($code);)*

            /// The reason phrase of RFC 7826 Table 4 or RFC 2326 §7.1.1; the class's for other codes.
            pub const fn reason(self) -> &'static str {
                match self.0 {
                    $($code => $reason,)*
                    100..=199 => "Informational",
                    200..=299 => "Success",
                    300..=399 => "Redirection",
                    400..=499 => "Client Error",
                    _ => "Server Error",
                }
            }
        }

        #[cfg(test)]
        const KNOWN: &[u16] = &[$($code),*];
    };
}

/// A three-digit status code (RFC 7826 §17, RFC 2326 §11).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusCode(u16);

status_codes! {
    100 CONTINUE "Continue",
    200 OK "OK",
    201 CREATED "Created",
    250 LOW_ON_STORAGE_SPACE "Low on Storage Space",
    300 MULTIPLE_CHOICES "Multiple Choices",
    301 MOVED_PERMANENTLY "Moved Permanently",
    302 FOUND "Found",
    303 SEE_OTHER "See Other",
    304 NOT_MODIFIED "Not Modified",
    305 USE_PROXY "Use Proxy",
    400 BAD_REQUEST "Bad Request",
    401 UNAUTHORIZED "Unauthorized",
    402 PAYMENT_REQUIRED "Payment Required",
    403 FORBIDDEN "Forbidden",
    404 NOT_FOUND "Not Found",
    405 METHOD_NOT_ALLOWED "Method Not Allowed",
    406 NOT_ACCEPTABLE "Not Acceptable",
    407 PROXY_AUTHENTICATION_REQUIRED "Proxy Authentication Required",
    408 REQUEST_TIMEOUT "Request Timeout",
    410 GONE "Gone",
    411 LENGTH_REQUIRED "Length Required",
    412 PRECONDITION_FAILED "Precondition Failed",
    413 REQUEST_MESSAGE_BODY_TOO_LARGE "Request Message Body Too Large",
    414 REQUEST_URI_TOO_LONG "Request-URI Too Long",
    415 UNSUPPORTED_MEDIA_TYPE "Unsupported Media Type",
    451 PARAMETER_NOT_UNDERSTOOD "Parameter Not Understood",
    452 CONFERENCE_NOT_FOUND "Conference Not Found",
    453 NOT_ENOUGH_BANDWIDTH "Not Enough Bandwidth",
    454 SESSION_NOT_FOUND "Session Not Found",
    455 METHOD_NOT_VALID_IN_THIS_STATE "Method Not Valid In This State",
    456 HEADER_FIELD_NOT_VALID "Header Field Not Valid for Resource",
    457 INVALID_RANGE "Invalid Range",
    458 PARAMETER_IS_READ_ONLY "Parameter Is Read-Only",
    459 AGGREGATE_OPERATION_NOT_ALLOWED "Aggregate Operation Not Allowed",
    460 ONLY_AGGREGATE_OPERATION_ALLOWED "Only Aggregate Operation Allowed",
    461 UNSUPPORTED_TRANSPORT "Unsupported Transport",
    462 DESTINATION_UNREACHABLE "Destination Unreachable",
    463 DESTINATION_PROHIBITED "Destination Prohibited",
    464 DATA_TRANSPORT_NOT_READY_YET "Data Transport Not Ready Yet",
    465 NOTIFICATION_REASON_UNKNOWN "Notification Reason Unknown",
    466 KEY_MANAGEMENT_ERROR "Key Management Error",
    470 CONNECTION_AUTHORIZATION_REQUIRED "Connection Authorization Required",
    471 CONNECTION_CREDENTIALS_NOT_ACCEPTED "Connection Credentials Not Accepted",
    472 FAILURE_TO_ESTABLISH_SECURE_CONNECTION "Failure to Establish Secure Connection",
    500 INTERNAL_SERVER_ERROR "Internal Server Error",
    501 NOT_IMPLEMENTED "Not Implemented",
    502 BAD_GATEWAY "Bad Gateway",
    503 SERVICE_UNAVAILABLE "Service Unavailable",
    504 GATEWAY_TIMEOUT "Gateway Timeout",
    505 RTSP_VERSION_NOT_SUPPORTED "RTSP Version Not Supported",
    551 OPTION_NOT_SUPPORTED "Option Not Supported",
    553 PROXY_UNAVAILABLE "Proxy Unavailable",
}

impl StatusCode {
    /// Checks that `code` has three digits.
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            100..=999 => Some(Self(code)),
            _ => None,
        }
    }

    /// Reads exactly three digits, the first of which is not zero.
    pub fn parse(text: &str) -> Option<Self> {
        match *text.as_bytes() {
            [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => Some(Self(
                u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0'),
            )),
            _ => None,
        }
    }

    /// The number.
    pub const fn code(self) -> u16 {
        self.0
    }

    /// The code to act on when this one is not known: `x00` of its class (RFC 2326 §7.1.1).
    pub const fn class(self) -> Self {
        Self(self.0 / 100 * 100)
    }

    /// 1xx: more is to come.
    pub const fn is_provisional(self) -> bool {
        self.0 < 200
    }

    /// 2xx.
    pub const fn is_success(self) -> bool {
        matches!(self.0, 200..=299)
    }

    /// 3xx.
    pub const fn is_redirection(self) -> bool {
        matches!(self.0, 300..=399)
    }

    /// Whether a response with this code ends at its first empty line whatever its headers say (RFC 2326 §4.4).
    pub const fn forbids_body(self) -> bool {
        matches!(self.0, 100..=199 | 204 | 304)
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.reason())
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn r2_msg_21_codes_have_three_digits() {
        for &code in KNOWN {
            let parsed = StatusCode::parse(&code.to_string()).unwrap();
            assert_eq!(parsed.code(), code);
            assert!(!parsed.reason().is_empty());
        }
        for text in ["", "20", "2000", "099", "+20", "-20", "2 0", "２００"] {
            assert_eq!(StatusCode::parse(text), None, "{text}");
        }
        assert_eq!(StatusCode::new(99), None);
        assert_eq!(StatusCode::new(1000), None);
    }

    #[test]
    fn r1_msg_15_an_unknown_code_acts_as_its_class() {
        assert_eq!(
            StatusCode::new(431).unwrap().class(),
            StatusCode::BAD_REQUEST
        );
        assert_eq!(
            StatusCode::new(599).unwrap().class(),
            StatusCode::INTERNAL_SERVER_ERROR
        );
        assert_eq!(StatusCode::new(299).unwrap().class(), StatusCode::OK);
        assert_eq!(StatusCode::new(431).unwrap().reason(), "Client Error");
    }
}
