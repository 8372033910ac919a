//! Where and why bytes are not a valid message.

use std::fmt;

/// A failure to read. `Copy` and without allocation: malformed input is ordinary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WireError {
    /// Structure that was being read, e.g. `"radius::Attribute"`.
    pub what: &'static str,
    /// Offset from the start of the message, in bytes.
    pub offset: usize,
    /// What was wrong there.
    pub cause: Cause,
}

/// The reason inside a [`WireError`], with the numbers needed to act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// Fewer bytes than the structure needs.
    Truncated {
        /// Bytes needed from `offset` on.
        need: usize,
        /// Bytes present from `offset` on.
        have: usize,
    },
    /// A field that the specification fixes has another value.
    BadConstant {
        /// Field name.
        field: &'static str,
        /// Value the specification fixes.
        want: u64,
        /// Value found.
        got: u64,
    },
    /// A field has a value that the specification does not define.
    BadValue {
        /// Field name.
        field: &'static str,
        /// Value found.
        got: u64,
    },
    /// A length outside its allowed range.
    BadLength {
        /// Field name.
        field: &'static str,
        /// Value found, in bytes.
        got: usize,
        /// Smallest allowed value, in bytes.
        min: usize,
        /// Largest allowed value, in bytes.
        max: usize,
    },
    /// Bytes left over after the last field.
    TrailingBytes {
        /// How many.
        count: usize,
    },
}

impl WireError {
    /// True when more bytes could have made the input valid.
    pub const fn is_truncation(&self) -> bool {
        matches!(self.cause, Cause::Truncated { .. })
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: ", self.what, self.offset)?;
        match self.cause {
            Cause::Truncated { need, have } => write!(f, "needs {need} bytes, {have} present"),
            Cause::BadConstant { field, want, got } => {
                write!(f, "{field} must be {want:#x}, is {got:#x}")
            }
            Cause::BadValue { field, got } => write!(f, "{field} {got:#x} is not defined"),
            Cause::BadLength { field, got, min, max } => {
                write!(f, "{field} is {got}, must be {min}..={max}")
            }
            Cause::TrailingBytes { count } => write!(f, "{count} bytes after the last field"),
        }
    }
}

impl std::error::Error for WireError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_says_what_where_and_the_numbers() {
        let told = |cause| WireError { what: "foo::Bar", offset: 7, cause }.to_string();
        assert_eq!(
            told(Cause::Truncated { need: 4, have: 3 }),
            "foo::Bar at byte 7: needs 4 bytes, 3 present"
        );
        assert_eq!(
            told(Cause::BadConstant { field: "version", want: 3, got: 0x10 }),
            "foo::Bar at byte 7: version must be 0x3, is 0x10"
        );
        assert_eq!(
            told(Cause::BadValue { field: "kind", got: 0x99 }),
            "foo::Bar at byte 7: kind 0x99 is not defined"
        );
        assert_eq!(
            told(Cause::BadLength { field: "length", got: 1, min: 2, max: 255 }),
            "foo::Bar at byte 7: length is 1, must be 2..=255"
        );
        assert_eq!(
            told(Cause::TrailingBytes { count: 2 }),
            "foo::Bar at byte 7: 2 bytes after the last field"
        );
    }

    #[test]
    fn only_missing_bytes_are_a_truncation() {
        let error = |cause| WireError { what: "foo::Bar", offset: 0, cause };
        assert!(error(Cause::Truncated { need: 1, have: 0 }).is_truncation());
        assert!(!error(Cause::TrailingBytes { count: 1 }).is_truncation());
    }
}
