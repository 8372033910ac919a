//! Parameters of each command: "words" in the terms of \[MS-CIFS\] section 2.2.3.2.
//!
//! The four bytes that lead from one command to the next (AndX) are none of them.

use crate::wire::{Reader, WireError, Writer};

use super::command;

/// One parameter.
trait Word: Sized {
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError>;
    fn put(&self, w: &mut Writer<'_>);
}

macro_rules! numbers {
    ($($type:ty),+) => {$(
        impl Word for $type {
            fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
                Ok(Self::from_le_bytes(*r.array()?))
            }

            fn put(&self, w: &mut Writer<'_>) {
                w.bytes(&self.to_le_bytes());
            }
        }
    )+};
}

numbers!(u8, u16, u32, u64);

impl<const N: usize> Word for [u8; N] {
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(*r.array()?)
    }

    fn put(&self, w: &mut Writer<'_>) {
        w.bytes(self);
    }
}

/// Describes parameters as the list of their fields.
macro_rules! words {
    ($($(#[$meta:meta])* $Name:ident {
        $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
    })+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $Name<'a> {
            $($(#[$field_meta])* pub $field: $type,)*
            /// Further words: setup words, or what later dialects added.
            pub more: &'a [u8],
        }

        impl<'a> $Name<'a> {
            fn parse(words: &'a [u8]) -> Result<Self, WireError> {
                let mut r = Reader::new(concat!("smb1::", stringify!($Name)), words);
                $(let $field = Word::take(&mut r)?;)*
                Ok(Self { $($field,)* more: r.remainder() })
            }

            fn emit(&self, w: &mut Writer<'_>) {
                $(self.$field.put(w);)*
                w.bytes(self.more);
            }
        }
    )+};
}

words! {
    /// No parameters: most failures, and requests that only carry data.
    NoWords {
    }

    /// NEGOTIATE response of NT LM 0.12, \[MS-CIFS\] 2.2.4.52.2.
    NegotiateResponse {
        /// Place of the dialect in the list that was offered.
        dialect: u16,
        /// 1: users, 2: challenge, 4: signing enabled, 8: required.
        security_mode: u8,
        /// Requests that may wait at a time.
        max_mpx: u16,
        /// Connections of a client.
        max_vcs: u16,
        /// Longest message in bytes.
        max_buffer: u32,
        /// Longest raw message in bytes.
        max_raw: u32,
        /// Means nothing any more.
        session_key: u32,
        /// 0x80000000: extended security.
        capabilities: u32,
        /// FILETIME of the response.
        time: u64,
        /// Minutes west of UTC.
        time_zone: u16,
        /// Bytes of the challenge, zero with extended security.
        challenge_length: u8,
    }

    /// NEGOTIATE response of LAN Manager dialects, \[MS-CIFS\] 2.2.4.52.2.
    LanmanResponse {
        /// Place of the dialect in the list that was offered.
        dialect: u16,
        /// 1: users, 2: challenge.
        security_mode: u16,
        /// Longest message in bytes.
        max_buffer: u16,
        /// Requests that may wait at a time.
        max_mpx: u16,
        /// Connections of a client.
        max_vcs: u16,
        /// 1: raw reads, 2: raw writes.
        raw_mode: u16,
        /// Means nothing any more.
        session_key: u32,
        /// Time and date in the form of DOS.
        time: u32,
        /// Minutes west of UTC.
        time_zone: u16,
        /// Bytes of the challenge.
        challenge_length: u16,
        /// Reserved, zero.
        reserved: u16,
    }

    /// NEGOTIATE response of the core protocol, \[MS-CIFS\] 2.2.4.52.2.
    DialectChosen {
        /// Place of the dialect in the list that was offered; 0xffff is none.
        dialect: u16,
    }

    /// SESSION_SETUP_ANDX request with extended security, \[MS-SMB\] 2.2.4.6.1.
    SessionSetupExtended {
        /// Longest message in bytes.
        max_buffer: u16,
        /// Requests that may wait at a time.
        max_mpx: u16,
        /// Zero for the first connection.
        vc_number: u16,
        /// That of the server.
        session_key: u32,
        /// Bytes of the token of GSS-API.
        token_length: u16,
        /// Reserved, zero.
        reserved: u32,
        /// Capabilities of the client.
        capabilities: u32,
    }

    /// SESSION_SETUP_ANDX request with passwords, \[MS-CIFS\] 2.2.4.53.1.
    SessionSetupPlain {
        /// Longest message in bytes.
        max_buffer: u16,
        /// Requests that may wait at a time.
        max_mpx: u16,
        /// Zero for the first connection.
        vc_number: u16,
        /// That of the server.
        session_key: u32,
        /// Bytes of the LM response, or of the password.
        oem_password_length: u16,
        /// Bytes of the NTLM response.
        unicode_password_length: u16,
        /// Reserved, zero.
        reserved: u32,
        /// Capabilities of the client.
        capabilities: u32,
    }

    /// SESSION_SETUP_ANDX request of LAN Manager dialects, \[MS-CIFS\] 2.2.4.53.1.
    SessionSetupLanman {
        /// Longest message in bytes.
        max_buffer: u16,
        /// Requests that may wait at a time.
        max_mpx: u16,
        /// Zero for the first connection.
        vc_number: u16,
        /// That of the server.
        session_key: u32,
        /// Bytes of the LM response, or of the password.
        password_length: u16,
        /// Reserved, zero.
        reserved: u32,
    }

    /// SESSION_SETUP_ANDX response, \[MS-CIFS\] 2.2.4.53.2.
    SessionSetupResponse {
        /// 1: as a guest.
        action: u16,
    }

    /// SESSION_SETUP_ANDX response with extended security, \[MS-SMB\] 2.2.4.6.2.
    SessionSetupExtendedResponse {
        /// 1: as a guest.
        action: u16,
        /// Bytes of the token of GSS-API.
        token_length: u16,
    }

    /// TREE_CONNECT_ANDX request, \[MS-CIFS\] 2.2.4.55.1.
    TreeConnectRequest {
        /// 1: disconnect the tree before, 8: extended response.
        flags: u16,
        /// Bytes of the password.
        password_length: u16,
    }

    /// TREE_CONNECT_ANDX response, \[MS-SMB\] 2.2.4.7.2.
    TreeConnectResponse {
    }

    /// OPEN_ANDX request, \[MS-CIFS\] 2.2.4.41.1.
    OpenAndxRequest {
        /// 1: attributes, 2: exclusive, 4: batch lock.
        flags: u16,
        /// Rights that are wanted.
        access: u16,
        /// Attributes of files that match.
        search: u16,
        /// Attributes of a new file.
        attributes: u16,
        /// Time of creation.
        created: u32,
        /// What to do where the file exists or not.
        mode: u16,
        /// Bytes to reserve.
        allocation: u32,
        /// Milliseconds to wait.
        timeout: u32,
        /// Reserved, zero.
        reserved: u32,
    }

    /// OPEN_ANDX response, \[MS-CIFS\] 2.2.4.41.2.
    OpenAndxResponse {
        /// The open file.
        file: u16,
        /// Attributes of the file.
        attributes: u16,
        /// Time of the last write.
        written: u32,
        /// Bytes in the file.
        size: u32,
        /// Rights that were granted.
        access: u16,
        /// 0: file or directory, 1 or 2: pipe.
        resource: u16,
        /// State of the pipe.
        pipe_status: u16,
        /// What was done.
        result: u16,
        /// Reserved, zero.
        reserved: [u8; 6],
    }

    /// NT_CREATE_ANDX request, \[MS-CIFS\] 2.2.4.64.1.
    NtCreateRequest {
        /// Reserved, zero.
        reserved: u8,
        /// Bytes of the name.
        name_length: u16,
        /// Locks that are wanted; 8: a directory.
        flags: u32,
        /// Directory that the name begins in.
        root: u32,
        /// Rights that are wanted.
        access: u32,
        /// Bytes to reserve.
        allocation: u64,
        /// Attributes of a new file.
        attributes: u32,
        /// 1: others may read, 2: write, 4: delete.
        share: u32,
        /// What to do where the file exists or not.
        disposition: u32,
        /// 1 wants a directory, 0x1000 deletes on close.
        options: u32,
        /// How far the server may act for the client.
        impersonation: u32,
        /// Flags of the security context.
        security: u8,
    }

    /// NT_CREATE_ANDX response, \[MS-CIFS\] 2.2.4.64.2.
    NtCreateResponse {
        /// Opportunistic lock that was granted.
        lock: u8,
        /// The open file.
        file: u16,
        /// What was done.
        disposition: u32,
        /// FILETIME.
        created: u64,
        /// FILETIME.
        accessed: u64,
        /// FILETIME.
        written: u64,
        /// FILETIME.
        changed: u64,
        /// Attributes of the file.
        attributes: u32,
        /// Bytes on disk.
        allocation: u64,
        /// Bytes in the file.
        size: u64,
        /// 0: file or directory, 1 or 2: pipe.
        resource: u16,
        /// State of the pipe.
        pipe_status: u16,
        /// Whether it is a directory.
        directory: u8,
    }

    /// READ_ANDX request, \[MS-CIFS\] 2.2.4.42.1.
    ReadAndxRequest {
        /// The open file.
        file: u16,
        /// First byte to read, bits 0..32.
        offset: u32,
        /// Most bytes to read.
        count_max: u16,
        /// Fewest bytes to read.
        count_min: u16,
        /// Milliseconds to wait.
        timeout: u32,
        /// Reserved.
        remaining: u16,
    }

    /// READ_ANDX response, \[MS-CIFS\] 2.2.4.42.2.
    ReadAndxResponse {
        /// Bytes left in the pipe.
        available: u16,
        /// Reserved, zero.
        compaction: u16,
        /// Reserved, zero.
        reserved1: u16,
        /// Bytes read, bits 0..16.
        length: u16,
        /// Where they begin, from the header.
        offset: u16,
        /// Bytes read, bits 16..32.
        length_high: u16,
        /// Reserved, zero.
        reserved2: [u8; 8],
    }

    /// WRITE_ANDX request, \[MS-CIFS\] 2.2.4.43.1.
    WriteAndxRequest {
        /// The open file.
        file: u16,
        /// First byte to write, bits 0..32.
        offset: u32,
        /// Milliseconds to wait.
        timeout: u32,
        /// 4: raw to a pipe, 8: start of a message.
        mode: u16,
        /// Bytes still to come.
        remaining: u16,
        /// Bytes to write, bits 16..32.
        length_high: u16,
        /// Bytes to write, bits 0..16.
        length: u16,
        /// Where they begin, from the header.
        data: u16,
    }

    /// WRITE_ANDX response, \[MS-CIFS\] 2.2.4.43.2.
    WriteAndxResponse {
        /// Bytes written, bits 0..16.
        count: u16,
        /// Bytes left in the pipe.
        available: u16,
        /// Bytes written, bits 16..32.
        count_high: u16,
        /// Reserved, zero.
        reserved: u16,
    }

    /// LOCKING_ANDX request, \[MS-CIFS\] 2.2.4.32.1.
    LockingRequest {
        /// The open file.
        file: u16,
        /// 1: shared, 2: an opportunistic lock is released, 16: large offsets.
        kind: u8,
        /// Lock that is left.
        level: u8,
        /// Milliseconds to wait.
        timeout: u32,
        /// Ranges that are unlocked.
        unlocks: u16,
        /// Ranges that are locked.
        locks: u16,
    }

    /// OPEN request, \[MS-CIFS\] 2.2.4.3.1.
    OpenRequest {
        /// Rights that are wanted.
        access: u16,
        /// Attributes of files that match.
        search: u16,
    }

    /// OPEN response, \[MS-CIFS\] 2.2.4.3.2.
    OpenResponse {
        /// The open file.
        file: u16,
        /// Attributes of the file.
        attributes: u16,
        /// Time of the last write.
        written: u32,
        /// Bytes in the file.
        size: u32,
        /// Rights that were granted.
        access: u16,
    }

    /// CLOSE request, \[MS-CIFS\] 2.2.4.5.1.
    CloseRequest {
        /// The open file.
        file: u16,
        /// Time of the last write.
        written: u32,
    }

    /// FLUSH request, \[MS-CIFS\] 2.2.4.6.1.
    FlushRequest {
        /// The open file.
        file: u16,
    }

    /// DELETE request, \[MS-CIFS\] 2.2.4.7.1.
    DeleteRequest {
        /// Attributes of files that match.
        search: u16,
    }

    /// RENAME request, \[MS-CIFS\] 2.2.4.8.1.
    RenameRequest {
        /// Attributes of files that match.
        search: u16,
    }

    /// NT_RENAME request, \[MS-CIFS\] 2.2.4.66.1.
    NtRenameRequest {
        /// Attributes of files that match.
        search: u16,
        /// 0x103: a hard link, 0x104: rename.
        level: u16,
        /// Reserved, zero.
        reserved: u32,
    }

    /// QUERY_INFORMATION response, \[MS-CIFS\] 2.2.4.9.2.
    QueryInformationResponse {
        /// Attributes of the file.
        attributes: u16,
        /// Time of the last write.
        written: u32,
        /// Bytes in the file.
        size: u32,
        /// Reserved, zero.
        reserved: [u8; 10],
    }

    /// SET_INFORMATION request, \[MS-CIFS\] 2.2.4.10.1.
    SetInformationRequest {
        /// Attributes of the file.
        attributes: u16,
        /// Time of the last write.
        written: u32,
        /// Reserved, zero.
        reserved: [u8; 10],
    }

    /// READ request, \[MS-CIFS\] 2.2.4.11.1.
    ReadRequest {
        /// The open file.
        file: u16,
        /// Bytes to read.
        count: u16,
        /// First byte to read.
        offset: u32,
        /// Bytes that will be read next.
        remaining: u16,
    }

    /// READ response, \[MS-CIFS\] 2.2.4.11.2.
    ReadResponse {
        /// Bytes read.
        count: u16,
        /// Reserved, zero.
        reserved: [u8; 8],
    }

    /// WRITE request, \[MS-CIFS\] 2.2.4.12.1.
    WriteRequest {
        /// The open file.
        file: u16,
        /// Bytes to write.
        count: u16,
        /// First byte to write.
        offset: u32,
        /// Bytes that will be written next.
        remaining: u16,
    }

    /// WRITE response, \[MS-CIFS\] 2.2.4.12.2.
    WriteResponse {
        /// Bytes written.
        count: u16,
    }

    /// TREE_CONNECT response, \[MS-CIFS\] 2.2.4.50.2.
    OldTreeConnectResponse {
        /// Longest message in bytes.
        max_buffer: u16,
        /// The tree.
        tree: u16,
    }

    /// QUERY_INFORMATION_DISK response, \[MS-CIFS\] 2.2.4.57.2.
    DiskResponse {
        /// Units of the volume.
        units: u16,
        /// Blocks of a unit.
        blocks: u16,
        /// Bytes of a block.
        block_size: u16,
        /// Free units.
        free: u16,
        /// Reserved, zero.
        reserved: u16,
    }

    /// ECHO request, \[MS-CIFS\] 2.2.4.39.1.
    EchoRequest {
        /// Answers that are wanted.
        count: u16,
    }

    /// ECHO response, \[MS-CIFS\] 2.2.4.39.2.
    EchoResponse {
        /// Number of this answer.
        sequence: u16,
    }

    /// SEARCH request, \[MS-CIFS\] 2.2.4.58.1.
    SearchRequest {
        /// Entries that may come back.
        count: u16,
        /// Attributes of files that match.
        search: u16,
    }

    /// SEARCH response, \[MS-CIFS\] 2.2.4.58.2.
    SearchResponse {
        /// Entries that came back.
        count: u16,
    }

    /// FIND_CLOSE2 request, \[MS-CIFS\] 2.2.4.48.1.
    FindClose2Request {
        /// Handle of the search.
        search: u16,
    }

    /// TRANSACTION or TRANSACTION2 request, \[MS-CIFS\] 2.2.4.33.1, 2.2.4.46.1.
    TransactionRequest {
        /// Bytes of parameters over all messages.
        total_parameters: u16,
        /// Bytes of data over all messages.
        total_data: u16,
        /// Bytes of parameters that may come back.
        max_parameters: u16,
        /// Bytes of data that may come back.
        max_data: u16,
        /// Setup words that may come back.
        max_setup: u8,
        /// Reserved, zero.
        reserved1: u8,
        /// 1: disconnect the tree, 2: no answer.
        flags: u16,
        /// Milliseconds to wait.
        timeout: u32,
        /// Reserved, zero.
        reserved2: u16,
        /// Bytes of parameters here.
        parameter_length: u16,
        /// Where they begin, from the header.
        parameter_offset: u16,
        /// Bytes of data here.
        data_length: u16,
        /// Where they begin, from the header.
        data_offset: u16,
        /// Setup words, which follow.
        setup_count: u8,
        /// Reserved, zero.
        reserved3: u8,
    }

    /// TRANSACTION or TRANSACTION2 response, \[MS-CIFS\] 2.2.4.33.2, 2.2.4.46.2.
    TransactionResponse {
        /// Bytes of parameters over all messages.
        total_parameters: u16,
        /// Bytes of data over all messages.
        total_data: u16,
        /// Reserved, zero.
        reserved1: u16,
        /// Bytes of parameters here.
        parameter_length: u16,
        /// Where they begin, from the header.
        parameter_offset: u16,
        /// Their place among all.
        parameter_displacement: u16,
        /// Bytes of data here.
        data_length: u16,
        /// Where they begin, from the header.
        data_offset: u16,
        /// Their place among all.
        data_displacement: u16,
        /// Setup words, which follow.
        setup_count: u8,
        /// Reserved, zero.
        reserved2: u8,
    }

    /// NT_TRANSACT request, \[MS-CIFS\] 2.2.4.62.1.
    NtTransactRequest {
        /// Setup words that may come back.
        max_setup: u8,
        /// Reserved, zero.
        reserved: u16,
        /// Bytes of parameters over all messages.
        total_parameters: u32,
        /// Bytes of data over all messages.
        total_data: u32,
        /// Bytes of parameters that may come back.
        max_parameters: u32,
        /// Bytes of data that may come back.
        max_data: u32,
        /// Bytes of parameters here.
        parameter_length: u32,
        /// Where they begin, from the header.
        parameter_offset: u32,
        /// Bytes of data here.
        data_length: u32,
        /// Where they begin, from the header.
        data_offset: u32,
        /// Setup words, which follow.
        setup_count: u8,
        /// 1: create, 2: control, 4: notify of changes, 6: query security.
        function: u16,
    }

    /// NT_TRANSACT response, \[MS-CIFS\] 2.2.4.62.2.
    NtTransactResponse {
        /// Reserved, zero.
        reserved: [u8; 3],
        /// Bytes of parameters over all messages.
        total_parameters: u32,
        /// Bytes of data over all messages.
        total_data: u32,
        /// Bytes of parameters here.
        parameter_length: u32,
        /// Where they begin, from the header.
        parameter_offset: u32,
        /// Their place among all.
        parameter_displacement: u32,
        /// Bytes of data here.
        data_length: u32,
        /// Where they begin, from the header.
        data_offset: u32,
        /// Their place among all.
        data_displacement: u32,
        /// Setup words, which follow.
        setup_count: u8,
    }
}

/// Makes [`Words`] out of rows of `structure = (command, whether it is a response, word count)`.
macro_rules! all {
    ($($Name:ident = ($command:pat, $is_response:literal, $count:pat),)+) => {
        /// The parameters of one command.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Words<'a> {
            /// See [`NoWords`].
            NoWords(NoWords<'a>),
            $(#[doc = concat!("See [`", stringify!($Name), "`].")] $Name($Name<'a>),)+
            /// What is not understood.
            Opaque(&'a [u8]),
        }

        impl<'a> Words<'a> {
            /// Reads the parameters of `command`; `count` is the number of words, those of AndX
            /// included.
            ///
            /// # Errors
            /// A truncation where the words are fewer than their fields.
            pub fn parse(
                (command, is_response): (u8, bool),
                count: u8,
                words: &'a [u8],
            ) -> Result<Self, WireError> {
                match (command, is_response, count) {
                    $(($command, $is_response, $count) => $Name::parse(words).map(Self::$Name),)+
                    _ if words.is_empty() => NoWords::parse(words).map(Self::NoWords),
                    _ => Ok(Self::Opaque(words)),
                }
            }

            /// Appends the parameters.
            pub fn emit(&self, w: &mut Writer<'_>) {
                match self {
                    Self::NoWords(words) => words.emit(w),
                    $(Self::$Name(words) => words.emit(w),)+
                    Self::Opaque(words) => w.bytes(words),
                }
            }
        }
    };
}

all! {
    NegotiateResponse = (command::NEGOTIATE, true, 17),
    LanmanResponse = (command::NEGOTIATE, true, 13),
    DialectChosen = (command::NEGOTIATE, true, 1),
    SessionSetupExtended = (command::SESSION_SETUP_ANDX, false, 12),
    SessionSetupPlain = (command::SESSION_SETUP_ANDX, false, 13),
    SessionSetupLanman = (command::SESSION_SETUP_ANDX, false, 10),
    SessionSetupResponse = (command::SESSION_SETUP_ANDX, true, 3),
    SessionSetupExtendedResponse = (command::SESSION_SETUP_ANDX, true, 4),
    TreeConnectRequest = (command::TREE_CONNECT_ANDX, false, 4),
    TreeConnectResponse = (command::TREE_CONNECT_ANDX, true, 2..),
    OpenAndxRequest = (command::OPEN_ANDX, false, 15),
    OpenAndxResponse = (command::OPEN_ANDX, true, 15..),
    NtCreateRequest = (command::NT_CREATE_ANDX, false, 24),
    NtCreateResponse = (command::NT_CREATE_ANDX, true, 34..),
    ReadAndxRequest = (command::READ_ANDX, false, 10..),
    ReadAndxResponse = (command::READ_ANDX, true, 12),
    WriteAndxRequest = (command::WRITE_ANDX, false, 12..),
    WriteAndxResponse = (command::WRITE_ANDX, true, 6),
    LockingRequest = (command::LOCKING_ANDX, false, 8),
    OpenRequest = (command::OPEN, false, 2),
    OpenResponse = (command::OPEN, true, 7),
    CloseRequest = (command::CLOSE, false, 3),
    FlushRequest = (command::FLUSH, false, 1),
    DeleteRequest = (command::DELETE, false, 1),
    RenameRequest = (command::RENAME, false, 1),
    NtRenameRequest = (command::NT_RENAME, false, 4),
    QueryInformationResponse = (command::QUERY_INFORMATION, true, 10),
    SetInformationRequest = (command::SET_INFORMATION, false, 8),
    ReadRequest = (command::READ, false, 5),
    ReadResponse = (command::READ, true, 5),
    WriteRequest = (command::WRITE, false, 5),
    WriteResponse = (command::WRITE, true, 1),
    OldTreeConnectResponse = (command::TREE_CONNECT, true, 2),
    DiskResponse = (command::QUERY_INFORMATION_DISK, true, 5),
    EchoRequest = (command::ECHO, false, 1),
    EchoResponse = (command::ECHO, true, 1),
    SearchRequest = (command::SEARCH, false, 2),
    SearchResponse = (command::SEARCH, true, 1),
    FindClose2Request = (command::FIND_CLOSE2, false, 1),
    TransactionRequest = (command::TRANSACTION | command::TRANSACTION2, false, 14..),
    TransactionResponse = (command::TRANSACTION | command::TRANSACTION2, true, 10..),
    NtTransactRequest = (command::NT_TRANSACT, false, 19..),
    NtTransactResponse = (command::NT_TRANSACT, true, 18..),
}
