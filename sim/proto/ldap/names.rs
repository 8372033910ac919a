//! Numbers of LDAP by their names.

/// Name of a result code, RFC 4511 section 4.1.9 and appendix A; empty where none is known.
pub fn result(code: u32) -> &'static str {
    match code {
        0 => "success",
        1 => "operationsError",
        2 => "protocolError",
        3 => "timeLimitExceeded",
        4 => "sizeLimitExceeded",
        5 => "compareFalse",
        6 => "compareTrue",
        7 => "authMethodNotSupported",
        8 => "strongerAuthRequired",
        10 => "referral",
        11 => "adminLimitExceeded",
        12 => "unavailableCriticalExtension",
        13 => "confidentialityRequired",
        14 => "saslBindInProgress",
        16 => "noSuchAttribute",
        17 => "undefinedAttributeType",
        18 => "inappropriateMatching",
        19 => "constraintViolation",
        20 => "attributeOrValueExists",
        21 => "invalidAttributeSyntax",
        32 => "noSuchObject",
        33 => "aliasProblem",
        34 => "invalidDNSyntax",
        36 => "aliasDereferencingProblem",
        48 => "inappropriateAuthentication",
        49 => "invalidCredentials",
        50 => "insufficientAccessRights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwillingToPerform",
        54 => "loopDetect",
        64 => "namingViolation",
        65 => "objectClassViolation",
        66 => "notAllowedOnNonLeaf",
        67 => "notAllowedOnRDN",
        68 => "entryAlreadyExists",
        69 => "objectClassModsProhibited",
        71 => "affectsMultipleDSAs",
        80 => "other",
        118 => "canceled", // RFC 3909 section 2.3
        _ => "",
    }
}

/// Name of an operation, RFC 4511 appendix B, by its number.
pub fn operation(number: u32) -> Option<&'static str> {
    Some(match number {
        0 => "bindRequest",
        1 => "bindResponse",
        2 => "unbindRequest",
        3 => "searchRequest",
        4 => "searchResEntry",
        5 => "searchResDone",
        6 => "modifyRequest",
        7 => "modifyResponse",
        8 => "addRequest",
        9 => "addResponse",
        10 => "delRequest",
        11 => "delResponse",
        12 => "modDNRequest",
        13 => "modDNResponse",
        14 => "compareRequest",
        15 => "compareResponse",
        16 => "abandonRequest",
        19 => "searchResRef",
        23 => "extendedReq",
        24 => "extendedResp",
        25 => "intermediateResponse",
        super::SEALED => "sealed buffer",
        _ => return None,
    })
}

/// Name of a scope, RFC 4511 section 4.5.1.2.
pub fn scope(scope: u32) -> &'static str {
    match scope {
        0 => "baseObject",
        1 => "singleLevel",
        2 => "wholeSubtree",
        3 => "subordinateSubtree", // draft-sermersheim-ldap-subordinate-scope
        _ => "unknown scope",
    }
}

/// Name of what a modification does, RFC 4511 section 4.6 and RFC 4525 section 2.
pub fn change(operation: u32) -> &'static str {
    match operation {
        0 => "add",
        1 => "delete",
        2 => "replace",
        3 => "increment",
        _ => "unknown change",
    }
}

/// The sub-code in the diagnostic message of a domain controller's bind response, as in
/// `... AcceptSecurityContext error, data 52e, v4563`: a Windows error in hexadecimal.
pub fn sub_code(diagnostic: &[u8]) -> Option<u32> {
    const BEFORE: &[u8] = b", data ";
    /// The message's fixed text is some 80 characters long; nobody needs to search more.
    const WHERE: usize = 256;
    let text = diagnostic.get(..diagnostic.len().min(WHERE))?;
    let at = text.windows(BEFORE.len()).position(|window| window == BEFORE)?;
    let digits = text.get(at + BEFORE.len()..)?;
    let length = digits.iter().take_while(|byte| byte.is_ascii_hexdigit()).count().min(8);
    u32::from_str_radix(str::from_utf8(digits.get(..length)?).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sub_code_is_found_in_the_text() {
        let text = b"80090308: LdapErr: DSID-0C09042A, comment: AcceptSecurityContext error, data 52e, v4563\0";
        assert_eq!(sub_code(text), Some(0x52e));
        assert_eq!(sub_code(b"error, data , v1"), None);
        assert_eq!(sub_code(b"Invalid credentials"), None);
    }
}
