//! Commands, \[MS-SMB2\] section 2.2.1.2.

/// Declares each command with its number and name.
macro_rules! commands {
    ($($name:ident = $code:literal,)+) => {
        $(#[doc = concat!("SMB2 ", stringify!($name), ".")] pub const $name: u16 = $code;)+

        /// The name of a command, as an operation of a tally.
        pub fn name(operation: u32) -> Option<&'static str> {
            match operation {
                $($code => Some(stringify!($name)),)+
                OPAQUE => Some("encrypted or compressed"),
                _ => None,
            }
        }
    };
}

/// Operation of messages whose command cannot be seen; commands have 16 bits.
pub const OPAQUE: u32 = 0x1_0000;

commands! {
    NEGOTIATE = 0,
    SESSION_SETUP = 1,
    LOGOFF = 2,
    TREE_CONNECT = 3,
    TREE_DISCONNECT = 4,
    CREATE = 5,
    CLOSE = 6,
    FLUSH = 7,
    READ = 8,
    WRITE = 9,
    LOCK = 10,
    IOCTL = 11,
    CANCEL = 12,
    ECHO = 13,
    QUERY_DIRECTORY = 14,
    CHANGE_NOTIFY = 15,
    QUERY_INFO = 16,
    SET_INFO = 17,
    OPLOCK_BREAK = 18,
}
