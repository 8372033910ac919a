//! Names of codes with which calls fail.

use crate::proto::smb2;

/// Why a server or its runtime did not carry out a call: C706 appendix E, and what Windows puts
/// in their place, \[MS-ERREF\] section 2.2.
pub fn fault(code: u32) -> &'static str {
    match code {
        0x1c00_0001 => "nca_s_fault_int_div_by_zero",
        0x1c00_0002 => "nca_s_fault_addr_error",
        0x1c00_0006 => "nca_s_fault_invalid_tag",
        0x1c00_0007 => "nca_s_fault_invalid_bound",
        0x1c00_0008 => "nca_s_rpc_version_mismatch",
        0x1c00_0009 => "nca_s_unspec_reject",
        0x1c00_000a => "nca_s_bad_actid",
        0x1c00_000b => "nca_s_who_are_you_failed",
        0x1c00_000c => "nca_s_manager_not_entered",
        0x1c00_000d => "nca_s_fault_cancel",
        0x1c00_0012 => "nca_s_fault_unspec",
        0x1c00_001a => "nca_s_fault_context_mismatch",
        0x1c01_0001 => "nca_s_comm_failure",
        0x1c01_0002 => "nca_s_op_rng_error",
        0x1c01_0003 => "nca_s_unk_if",
        0x1c01_0006 => "nca_s_wrong_boot_time",
        0x1c01_0009 => "nca_s_you_crashed",
        0x1c01_000b => "nca_s_proto_error",
        0x1c01_0013 => "nca_s_out_args_too_big",
        0x1c01_0014 => "nca_s_server_too_busy",
        0x1c01_0017 => "nca_s_unsupported_type",
        _ if code >= SEVERE => nt(code),
        _ => win32(code),
    }
}

/// The fault with which Windows refuses a caller: `ERROR_ACCESS_DENIED`, \[MS-ERREF\] section
/// 2.2.
pub const ACCESS_DENIED: u32 = 5;
/// The NTSTATUS that says the same, \[MS-ERREF\] section 2.3.1.
pub const STATUS_ACCESS_DENIED: u32 = 0xc000_0022;
/// Lowest NTSTATUS of severity "error", \[MS-ERREF\] section 2.3.
pub const SEVERE: u32 = 0xc000_0000;

/// Name of an `NTSTATUS`, \[MS-ERREF\] section 2.3.1; empty where we know none.
pub fn nt(code: u32) -> &'static str {
    /// Facility of RPC: the runtime's own codes.
    const PROCNUM_OUT_OF_RANGE: u32 = 0xc002_002e;
    if code == PROCNUM_OUT_OF_RANGE {
        "RPC_NT_PROCNUM_OUT_OF_RANGE"
    } else {
        smb2::status::name(code)
    }
}

/// Name of a Win32 error, \[MS-ERREF\] section 2.2; empty where we know none.
pub fn win32(code: u32) -> &'static str {
    match code {
        1 => "ERROR_INVALID_FUNCTION",
        2 => "ERROR_FILE_NOT_FOUND",
        3 => "ERROR_PATH_NOT_FOUND",
        ACCESS_DENIED => "ERROR_ACCESS_DENIED",
        6 => "ERROR_INVALID_HANDLE",
        8 => "ERROR_NOT_ENOUGH_MEMORY",
        50 => "ERROR_NOT_SUPPORTED",
        53 => "ERROR_BAD_NETPATH",
        87 => "ERROR_INVALID_PARAMETER",
        122 => "ERROR_INSUFFICIENT_BUFFER",
        123 => "ERROR_INVALID_NAME",
        124 => "ERROR_INVALID_LEVEL",
        259 => "ERROR_NO_MORE_ITEMS",
        1053 => "ERROR_SERVICE_REQUEST_TIMEOUT",
        1056 => "ERROR_SERVICE_ALREADY_RUNNING",
        1058 => "ERROR_SERVICE_DISABLED",
        1060 => "ERROR_SERVICE_DOES_NOT_EXIST",
        1062 => "ERROR_SERVICE_NOT_ACTIVE",
        1072 => "ERROR_SERVICE_MARKED_FOR_DELETE",
        1073 => "ERROR_SERVICE_EXISTS",
        1311 => "ERROR_NO_LOGON_SERVERS",
        1317 => "ERROR_NO_SUCH_USER",
        1355 => "ERROR_NO_SUCH_DOMAIN",
        1717 => "RPC_S_UNKNOWN_IF",
        1722 => "RPC_S_SERVER_UNAVAILABLE",
        1728 => "RPC_S_PROTOCOL_ERROR",
        1745 => "RPC_S_PROCNUM_OUT_OF_RANGE",
        1753 => "EPT_S_NOT_REGISTERED",
        1764 => "RPC_S_CANNOT_SUPPORT",
        1783 => "RPC_X_BAD_STUB_DATA",
        1825 => "RPC_S_SEC_PKG_ERROR",
        1919 => "ERROR_NO_SITENAME",
        2114 => "NERR_ServerNotStarted",
        2221 => "NERR_UserNotFound",
        2310 => "NERR_NetNameNotFound",
        2312 => "NERR_ClientNameNotFound",
        8439 => "ERROR_DS_DRA_BAD_DN",
        8440 => "ERROR_DS_DRA_BAD_NC",
        8453 => "ERROR_DS_DRA_ACCESS_DENIED",
        // Of the endpoint mapper, C706 appendix E.
        0x16c9_a0d6 => "ept_s_not_registered",
        _ => "",
    }
}

/// Why a bind was refused, \[MS-RPCE\] section 2.2.2.5 and C706 section 12.6.3.1.
pub fn refusal(reason: u32) -> &'static str {
    match reason {
        0 => "reason_not_specified",
        1 => "temporary_congestion",
        2 => "local_limit_exceeded",
        4 => "protocol_version_not_supported",
        8 => "authentication_type_not_recognized",
        9 => "invalid_checksum",
        _ => "",
    }
}
