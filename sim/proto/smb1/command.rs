//! Commands, \[MS-CIFS\] section 2.2.2.1.

/// Declares each command with its number and name.
macro_rules! commands {
    ($($name:ident = $code:literal,)+) => {
        $(#[doc = concat!("SMB_COM_", stringify!($name), ".")] pub const $name: u8 = $code;)+

        /// The name of a command, as an operation of a tally.
        pub fn name(operation: u32) -> Option<&'static str> {
            match operation {
                $($code => Some(stringify!($name)),)+
                _ => None,
            }
        }
    };
}

commands! {
    CREATE_DIRECTORY = 0x00,
    DELETE_DIRECTORY = 0x01,
    OPEN = 0x02,
    CREATE = 0x03,
    CLOSE = 0x04,
    FLUSH = 0x05,
    DELETE = 0x06,
    RENAME = 0x07,
    QUERY_INFORMATION = 0x08,
    SET_INFORMATION = 0x09,
    READ = 0x0a,
    WRITE = 0x0b,
    LOCK_BYTE_RANGE = 0x0c,
    UNLOCK_BYTE_RANGE = 0x0d,
    CREATE_TEMPORARY = 0x0e,
    CREATE_NEW = 0x0f,
    CHECK_DIRECTORY = 0x10,
    PROCESS_EXIT = 0x11,
    SEEK = 0x12,
    LOCK_AND_READ = 0x13,
    WRITE_AND_UNLOCK = 0x14,
    READ_RAW = 0x1a,
    READ_MPX = 0x1b,
    WRITE_RAW = 0x1d,
    WRITE_MPX = 0x1e,
    WRITE_COMPLETE = 0x20,
    SET_INFORMATION2 = 0x22,
    QUERY_INFORMATION2 = 0x23,
    LOCKING_ANDX = 0x24,
    TRANSACTION = 0x25,
    TRANSACTION_SECONDARY = 0x26,
    IOCTL = 0x27,
    ECHO = 0x2b,
    WRITE_AND_CLOSE = 0x2c,
    OPEN_ANDX = 0x2d,
    READ_ANDX = 0x2e,
    WRITE_ANDX = 0x2f,
    TRANSACTION2 = 0x32,
    TRANSACTION2_SECONDARY = 0x33,
    FIND_CLOSE2 = 0x34,
    TREE_CONNECT = 0x70,
    TREE_DISCONNECT = 0x71,
    NEGOTIATE = 0x72,
    SESSION_SETUP_ANDX = 0x73,
    LOGOFF_ANDX = 0x74,
    TREE_CONNECT_ANDX = 0x75,
    QUERY_INFORMATION_DISK = 0x80,
    SEARCH = 0x81,
    FIND = 0x82,
    FIND_UNIQUE = 0x83,
    FIND_CLOSE = 0x84,
    NT_TRANSACT = 0xa0,
    NT_TRANSACT_SECONDARY = 0xa1,
    NT_CREATE_ANDX = 0xa2,
    NT_CANCEL = 0xa4,
    NT_RENAME = 0xa5,
    OPEN_PRINT_FILE = 0xc0,
    WRITE_PRINT_FILE = 0xc1,
    CLOSE_PRINT_FILE = 0xc2,
    NO_ANDX_COMMAND = 0xff,
}

/// Whether messages of this command may be followed by another in the same message, \[MS-CIFS\]
/// 2.2.3.4.
pub const fn is_andx(command: u8) -> bool {
    matches!(
        command,
        LOCKING_ANDX
            | OPEN_ANDX
            | READ_ANDX
            | WRITE_ANDX
            | SESSION_SETUP_ANDX
            | LOGOFF_ANDX
            | TREE_CONNECT_ANDX
            | NT_CREATE_ANDX
    )
}
