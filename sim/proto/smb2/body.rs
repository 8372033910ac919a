//! What follows the header: one structure for each command and direction, \[MS-SMB2\] section 2.2.

use crate::wire::{WireError, Writer};

use super::negotiate::{NegotiateRequest, NegotiateResponse};
use super::part::{
    At8Long, At16, At16Long, At16Wide, At32, Following, Locks, Long16At, Part, Sink, Source,
};
use super::{Header, HeaderView, command, status};

/// Identifier of an open file: a persistent and a volatile part, \[MS-SMB2\] 2.2.14.1.
pub type FileId = [u8; 16];

/// The file that an earlier message of the chain opened or named, \[MS-SMB2\] 3.3.5.2.7.2.
pub const RELATED_FILE: FileId = [0xff; 16];
/// A share of files, \[MS-SMB2\] 2.2.10.
pub const SHARE_DISK: u8 = 1;
/// A share of named pipes, \[MS-SMB2\] 2.2.10.
pub const SHARE_PIPE: u8 = 2;
/// A directory, \[MS-FSCC\] 2.6.
pub const ATTRIBUTE_DIRECTORY: u32 = 0x10;
/// Writes to a named pipe and reads the answer, FSCTL_PIPE_TRANSCEIVE of \[MS-FSCC\] 2.3.
pub const PIPE_TRANSCEIVE: u32 = 0x0011_c017;

/// Describes a body as the list of its fields behind the structure size.
macro_rules! body {
    ($($(#[$meta:meta])* $Name:ident [$size:literal] {
        $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
    })+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $Name<'a> {
            $($(#[$field_meta])* pub $field: $type,)*
            /// What stands behind the last field: padding, or the byte that an odd structure
            /// size promises.
            pub rest: &'a [u8],
        }

        impl<'a> $Name<'a> {
            fn parse(pdu: &'a [u8], length: usize) -> Result<Self, WireError> {
                let what = concat!("smb2::", stringify!($Name));
                let mut source = Source::new(what, pdu, length, $size)?;
                $(let $field = Part::take(&mut source)?;)*
                Ok(Self { $($field,)* rest: source.rest() })
            }

            fn emit(&self, w: &mut Writer<'_>) -> Result<(), WireError> {
                let mut sink = Sink::new($size, w);
                $(self.$field.put(&mut sink)?;)*
                $(self.$field.tail(&mut sink);)*
                sink.rest(self.rest);
                Ok(())
            }
        }
    )+};
}

body! {
    /// SESSION_SETUP request, \[MS-SMB2\] 2.2.5.
    SessionSetupRequest [25] {
        /// 1 binds the session to another connection.
        flags: u8,
        /// 1: signing enabled, 2: signing required.
        security_mode: u8,
        /// Capabilities of the client.
        capabilities: u32,
        /// Reserved, zero.
        channel: u32,
        /// Token of GSS-API.
        token: At16<'a>,
        /// Session that this one takes the place of.
        previous_session: u64,
    }

    /// SESSION_SETUP response, \[MS-SMB2\] 2.2.6.
    SessionSetupResponse [9] {
        /// 1: guest, 2: anonymous, 4: encryption wanted.
        flags: u16,
        /// Token of GSS-API.
        token: At16<'a>,
    }

    /// LOGOFF request, \[MS-SMB2\] 2.2.7.
    LogoffRequest [4] {
        /// Reserved, zero.
        reserved: u16,
    }

    /// LOGOFF response, \[MS-SMB2\] 2.2.8.
    LogoffResponse [4] {
        /// Reserved, zero.
        reserved: u16,
    }

    /// TREE_CONNECT request, \[MS-SMB2\] 2.2.9.
    TreeConnectRequest [9] {
        /// 1: cluster reconnect, 2: redirect to the owner, 4: extension.
        flags: u16,
        /// Share as `\\server\share`, UTF-16.
        path: At16<'a>,
    }

    /// TREE_CONNECT response, \[MS-SMB2\] 2.2.10.
    TreeConnectResponse [16] {
        /// See [`SHARE_DISK`], [`SHARE_PIPE`]; 3 is a printer.
        share_type: u8,
        /// Reserved, zero.
        reserved: u8,
        /// Caching and encryption that the share wants.
        share_flags: u32,
        /// Capabilities of the share.
        capabilities: u32,
        /// Rights that the account has at most.
        maximal_access: u32,
    }

    /// TREE_DISCONNECT request, \[MS-SMB2\] 2.2.11.
    TreeDisconnectRequest [4] {
        /// Reserved, zero.
        reserved: u16,
    }

    /// TREE_DISCONNECT response, \[MS-SMB2\] 2.2.12.
    TreeDisconnectResponse [4] {
        /// Reserved, zero.
        reserved: u16,
    }

    /// CREATE request, \[MS-SMB2\] 2.2.13.
    CreateRequest [57] {
        /// Reserved, zero.
        security_flags: u8,
        /// Opportunistic lock that is wanted; 0xff is a lease.
        oplock: u8,
        /// How far the server may act for the client.
        impersonation: u32,
        /// Reserved, zero.
        create_flags: u64,
        /// Reserved, zero.
        reserved: u64,
        /// Rights that are wanted.
        desired_access: u32,
        /// Attributes of a new file.
        attributes: u32,
        /// 1: others may read, 2: write, 4: delete.
        share_access: u32,
        /// What to do where the file exists or not.
        disposition: u32,
        /// 1 wants a directory, 0x1000 deletes on close.
        options: u32,
        /// Path in the share, UTF-16, without a backslash before it.
        name: At16<'a>,
        /// Create contexts, \[MS-SMB2\] 2.2.13.2.
        contexts: At32<'a>,
    }

    /// CREATE response, \[MS-SMB2\] 2.2.14.
    CreateResponse [89] {
        /// Opportunistic lock that was granted.
        oplock: u8,
        /// 1: a reparse point.
        flags: u8,
        /// What was done: 1 opened, 2 created, 3 overwritten.
        action: u32,
        /// FILETIME.
        created: u64,
        /// FILETIME.
        accessed: u64,
        /// FILETIME.
        written: u64,
        /// FILETIME.
        changed: u64,
        /// Bytes on disk.
        allocated: u64,
        /// Bytes in the file.
        end_of_file: u64,
        /// See [`ATTRIBUTE_DIRECTORY`].
        attributes: u32,
        /// Reserved, zero.
        reserved: u32,
        /// The file that is now open.
        file: FileId,
        /// Create contexts, \[MS-SMB2\] 2.2.14.2.
        contexts: At32<'a>,
    }

    /// CLOSE request, \[MS-SMB2\] 2.2.15.
    CloseRequest [24] {
        /// 1 asks for the attributes.
        flags: u16,
        /// Reserved, zero.
        reserved: u32,
        /// The open file.
        file: FileId,
    }

    /// CLOSE response, \[MS-SMB2\] 2.2.16.
    CloseResponse [60] {
        /// 1: the attributes are given.
        flags: u16,
        /// Reserved, zero.
        reserved: u32,
        /// FILETIME.
        created: u64,
        /// FILETIME.
        accessed: u64,
        /// FILETIME.
        written: u64,
        /// FILETIME.
        changed: u64,
        /// Bytes on disk.
        allocated: u64,
        /// Bytes in the file.
        end_of_file: u64,
        /// File attributes.
        attributes: u32,
    }

    /// FLUSH request, \[MS-SMB2\] 2.2.17.
    FlushRequest [24] {
        /// Reserved, zero.
        reserved1: u16,
        /// Reserved, zero.
        reserved2: u32,
        /// The open file.
        file: FileId,
    }

    /// FLUSH response, \[MS-SMB2\] 2.2.18.
    FlushResponse [4] {
        /// Reserved, zero.
        reserved: u16,
    }

    /// READ request, \[MS-SMB2\] 2.2.19.
    ReadRequest [49] {
        /// Where the client wants the data in the response.
        padding: u8,
        /// 1: unbuffered, 2: compressed.
        flags: u8,
        /// Bytes to read.
        length: u32,
        /// First byte of the file to read.
        offset: u64,
        /// The open file.
        file: FileId,
        /// Fewer bytes are a failure.
        minimum: u32,
        /// 1 or 2: over RDMA.
        channel: u32,
        /// Bytes that the client will read next.
        remaining: u32,
        /// Where to put the data by RDMA.
        channel_info: At16<'a>,
    }

    /// READ response, \[MS-SMB2\] 2.2.20.
    ReadResponse [17] {
        /// What was read.
        data: At8Long<'a>,
        /// Bytes sent by RDMA.
        remaining: u32,
        /// 1: to be transformed over RDMA.
        flags: u32,
    }

    /// WRITE request, \[MS-SMB2\] 2.2.21.
    WriteRequest [49] {
        /// What to write.
        data: At16Long<'a>,
        /// First byte of the file to write.
        offset: u64,
        /// The open file.
        file: FileId,
        /// 1 or 2: over RDMA.
        channel: u32,
        /// Bytes that the client will write next.
        remaining: u32,
        /// Where to get the data by RDMA.
        channel_info: At16<'a>,
        /// 1: write through, 2: unbuffered.
        flags: u32,
    }

    /// WRITE response, \[MS-SMB2\] 2.2.22.
    WriteResponse [17] {
        /// Reserved, zero.
        reserved: u16,
        /// Bytes written.
        count: u32,
        /// Reserved, zero.
        remaining: u32,
        /// Unused.
        channel_info: At16<'a>,
    }

    /// IOCTL request, \[MS-SMB2\] 2.2.31.
    IoctlRequest [57] {
        /// Reserved, zero.
        reserved: u16,
        /// See [`PIPE_TRANSCEIVE`].
        code: u32,
        /// The open file.
        file: FileId,
        /// What the call is given.
        input: At32<'a>,
        /// Bytes of input that may come back.
        input_max: u32,
        /// Unused in requests.
        output: At32<'a>,
        /// Bytes of output that may come back.
        output_max: u32,
        /// 1: a file-system control.
        flags: u32,
        /// Reserved, zero.
        reserved2: u32,
    }

    /// IOCTL response, \[MS-SMB2\] 2.2.32.
    IoctlResponse [49] {
        /// Reserved, zero.
        reserved: u16,
        /// That of the request.
        code: u32,
        /// The open file.
        file: FileId,
        /// What the call was given.
        input: At32<'a>,
        /// What it gives back.
        output: At32<'a>,
        /// Reserved, zero.
        flags: u32,
        /// Reserved, zero.
        reserved2: u32,
    }

    /// CANCEL request, \[MS-SMB2\] 2.2.30.
    CancelRequest [4] {
        /// Reserved, zero.
        reserved: u16,
    }

    /// ECHO request, \[MS-SMB2\] 2.2.28.
    EchoRequest [4] {
        /// Reserved, zero.
        reserved: u16,
    }

    /// ECHO response, \[MS-SMB2\] 2.2.29.
    EchoResponse [4] {
        /// Reserved, zero.
        reserved: u16,
    }

    /// QUERY_DIRECTORY request, \[MS-SMB2\] 2.2.33.
    QueryDirectoryRequest [33] {
        /// What to tell of each file.
        class: u8,
        /// 1: start over, 2: one entry, 16: reopen.
        flags: u8,
        /// Entry to go on with.
        index: u32,
        /// The open file.
        file: FileId,
        /// Names that are wanted, UTF-16.
        pattern: At16<'a>,
        /// Bytes that may come back.
        output_max: u32,
    }

    /// QUERY_DIRECTORY response, \[MS-SMB2\] 2.2.34.
    QueryDirectoryResponse [9] {
        /// Entries of the class that was asked for.
        entries: At16Long<'a>,
    }

    /// CHANGE_NOTIFY request, \[MS-SMB2\] 2.2.35.
    ChangeNotifyRequest [32] {
        /// 1: the whole tree below.
        flags: u16,
        /// Bytes that may come back.
        output_max: u32,
        /// The open file.
        file: FileId,
        /// Changes that matter.
        filter: u32,
        /// Reserved, zero.
        reserved: u32,
    }

    /// CHANGE_NOTIFY response, \[MS-SMB2\] 2.2.36.
    ChangeNotifyResponse [9] {
        /// What changed.
        changes: At16Long<'a>,
    }

    /// QUERY_INFO request, \[MS-SMB2\] 2.2.37.
    QueryInfoRequest [41] {
        /// 1: file, 2: file system, 3: security, 4: quota.
        info_type: u8,
        /// What to tell.
        class: u8,
        /// Bytes that may come back.
        output_max: u32,
        /// Names of attributes or users.
        input: At16Wide<'a>,
        /// Parts of the security descriptor.
        additional: u32,
        /// How to go through extended attributes.
        flags: u32,
        /// The open file.
        file: FileId,
    }

    /// QUERY_INFO response, \[MS-SMB2\] 2.2.38.
    QueryInfoResponse [9] {
        /// What was asked for.
        info: At16Long<'a>,
    }

    /// SET_INFO request, \[MS-SMB2\] 2.2.39.
    SetInfoRequest [33] {
        /// 1: file, 2: file system, 3: security, 4: quota.
        info_type: u8,
        /// What to set.
        class: u8,
        /// Its new value.
        info: Long16At<'a>,
        /// Parts of the security descriptor.
        additional: u32,
        /// The open file.
        file: FileId,
    }

    /// SET_INFO response, \[MS-SMB2\] 2.2.40.
    SetInfoResponse [2] {
    }

    /// OPLOCK_BREAK in both directions, \[MS-SMB2\] 2.2.23.1, 2.2.24.1 and 2.2.25.1.
    OplockBreak [24] {
        /// Opportunistic lock that is left.
        level: u8,
        /// Reserved, zero.
        reserved: u8,
        /// Reserved, zero.
        reserved2: u32,
        /// The open file.
        file: FileId,
    }

    /// Notification that a lease is broken, \[MS-SMB2\] 2.2.23.2.
    LeaseBreak [44] {
        /// Counts changes of the lease.
        epoch: u16,
        /// 1: to be acknowledged.
        flags: u32,
        /// The lease.
        key: [u8; 16],
        /// What it allowed.
        current: u32,
        /// What it allows from now on.
        new: u32,
        /// Reserved, zero.
        reason: u32,
        /// Reserved, zero.
        access_hint: u32,
        /// Reserved, zero.
        share_hint: u32,
    }

    /// Acknowledgment of a broken lease and its response, \[MS-SMB2\] 2.2.24.2, 2.2.25.2.
    LeaseAcknowledgment [36] {
        /// Reserved, zero.
        reserved: u16,
        /// Reserved, zero.
        flags: u32,
        /// The lease.
        key: [u8; 16],
        /// What it allows.
        state: u32,
        /// Reserved, zero.
        duration: u64,
    }

    /// Response to a request that failed or must wait, \[MS-SMB2\] 2.2.2.
    ErrorResponse [9] {
        /// Error contexts in the data (SMB 3.1.1).
        context_count: u8,
        /// Reserved, zero.
        reserved: u8,
        /// More about the failure.
        data: Following<'a>,
    }

    /// LOCK request, \[MS-SMB2\] 2.2.26.
    LockRequest [48] {
        /// Locks, each \[MS-SMB2\] 2.2.26.1.
        locks: Locks<'a>,
        /// Number of this request, for replays.
        sequence: u32,
        /// The open file.
        file: FileId,
    }

    /// LOCK response, \[MS-SMB2\] 2.2.27.
    LockResponse [4] {
        /// Reserved, zero.
        reserved: u16,
    }
}

/// Makes [`Body`] out of rows of `structure = (command, whether it is a response)`.
macro_rules! bodies {
    ($($Name:ident = ($command:path, $is_response:literal),)+) => {
        /// What follows the header of a message.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Body<'a> {
            $(#[doc = concat!("See [`", stringify!($Name), "`].")] $Name($Name<'a>),)+
            /// See [`OplockBreak`].
            OplockBreak(OplockBreak<'a>),
            /// See [`LeaseBreak`].
            LeaseBreak(LeaseBreak<'a>),
            /// See [`LeaseAcknowledgment`].
            LeaseAcknowledgment(LeaseAcknowledgment<'a>),
            /// See [`ErrorResponse`].
            Error(ErrorResponse<'a>),
            /// What is not understood, or not present.
            Opaque(&'a [u8]),
        }

        impl<'a> Body<'a> {
            /// Reads what follows the header in `pdu`, the beginning of a message of `length`
            /// bytes. Buffers that are not wholly present are clipped.
            ///
            /// # Errors
            /// Another structure size than the command has, or a buffer that ends behind the
            /// message; a truncation where the fixed part is not present.
            pub fn parse(pdu: &'a [u8], length: usize) -> Result<Self, WireError> {
                let Some(header) = HeaderView::peek(pdu) else { return Ok(Self::Opaque(&[])) };
                if is_failure(header) {
                    return ErrorResponse::parse(pdu, length).map(Self::Error);
                }
                match (header.command(), header.is_response()) {
                    $(($command, $is_response) => $Name::parse(pdu, length).map(Self::$Name),)+
                    (command::OPLOCK_BREAK, _) => Self::parse_break(pdu, length),
                    _ => Ok(Self::Opaque(pdu.get(Header::LEN..).unwrap_or_default())),
                }
            }

            /// Appends the body.
            ///
            /// # Errors
            /// [`Cause::BadLength`](crate::wire::Cause::BadLength) where a buffer is longer than its field can say.
            pub fn emit(&self, w: &mut Writer<'_>) -> Result<(), WireError> {
                match self {
                    $(Self::$Name(body) => body.emit(w),)+
                    Self::OplockBreak(body) => body.emit(w),
                    Self::LeaseBreak(body) => body.emit(w),
                    Self::LeaseAcknowledgment(body) => body.emit(w),
                    Self::Error(body) => body.emit(w),
                    Self::Opaque(bytes) => {
                        w.bytes(bytes);
                        Ok(())
                    }
                }
            }
        }
    };
}

bodies! {
    NegotiateRequest = (command::NEGOTIATE, false),
    NegotiateResponse = (command::NEGOTIATE, true),
    SessionSetupRequest = (command::SESSION_SETUP, false),
    SessionSetupResponse = (command::SESSION_SETUP, true),
    LogoffRequest = (command::LOGOFF, false),
    LogoffResponse = (command::LOGOFF, true),
    TreeConnectRequest = (command::TREE_CONNECT, false),
    TreeConnectResponse = (command::TREE_CONNECT, true),
    TreeDisconnectRequest = (command::TREE_DISCONNECT, false),
    TreeDisconnectResponse = (command::TREE_DISCONNECT, true),
    CreateRequest = (command::CREATE, false),
    CreateResponse = (command::CREATE, true),
    CloseRequest = (command::CLOSE, false),
    CloseResponse = (command::CLOSE, true),
    FlushRequest = (command::FLUSH, false),
    FlushResponse = (command::FLUSH, true),
    ReadRequest = (command::READ, false),
    ReadResponse = (command::READ, true),
    WriteRequest = (command::WRITE, false),
    WriteResponse = (command::WRITE, true),
    LockRequest = (command::LOCK, false),
    LockResponse = (command::LOCK, true),
    IoctlRequest = (command::IOCTL, false),
    IoctlResponse = (command::IOCTL, true),
    CancelRequest = (command::CANCEL, false),
    EchoRequest = (command::ECHO, false),
    EchoResponse = (command::ECHO, true),
    QueryDirectoryRequest = (command::QUERY_DIRECTORY, false),
    QueryDirectoryResponse = (command::QUERY_DIRECTORY, true),
    ChangeNotifyRequest = (command::CHANGE_NOTIFY, false),
    ChangeNotifyResponse = (command::CHANGE_NOTIFY, true),
    QueryInfoRequest = (command::QUERY_INFO, false),
    QueryInfoResponse = (command::QUERY_INFO, true),
    SetInfoRequest = (command::SET_INFO, false),
    SetInfoResponse = (command::SET_INFO, true),
}

impl<'a> Body<'a> {
    /// The structure size tells the kinds apart, \[MS-SMB2\] 2.2.23 to 2.2.25.
    fn parse_break(pdu: &'a [u8], length: usize) -> Result<Self, WireError> {
        match pdu.get(Header::LEN..).and_then(<[u8]>::first_chunk) {
            Some([44, 0]) => LeaseBreak::parse(pdu, length).map(Self::LeaseBreak),
            Some([36, 0]) => LeaseAcknowledgment::parse(pdu, length).map(Self::LeaseAcknowledgment),
            _ => OplockBreak::parse(pdu, length).map(Self::OplockBreak),
        }
    }
}

/// Whether an error response follows the header, \[MS-SMB2\] 3.3.4.4.
fn is_failure(header: HeaderView<'_>) -> bool {
    let status = header.status();
    if !header.is_response() || status == status::SUCCESS {
        return false;
    }
    !matches!(
        (header.command(), status),
        (command::SESSION_SETUP, status::MORE_PROCESSING_REQUIRED)
            | (command::QUERY_INFO | command::READ | command::IOCTL, status::BUFFER_OVERFLOW)
            | (command::IOCTL, status::INVALID_PARAMETER)
            | (command::CHANGE_NOTIFY, status::NOTIFY_ENUM_DIR)
    )
}
