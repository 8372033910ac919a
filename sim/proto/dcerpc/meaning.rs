//! What calls mean: which activity a call is, what it is done to, and whether it succeeded.

use std::fmt::Write as _;

use super::epm;
use super::interfaces::{Answer, Service};
use super::ndr::Stub;
use super::status;
use crate::proto::{Asked, Held, Kind, Outcome};

/// Names or identifiers kept of one call's list.
const LISTED_MAX: usize = 16;

/// Which activity a call of `service` is. Passwords that are set as account information are told
/// by [`arguments`].
pub fn kind(service: Service, opnum: u16) -> Kind {
    match (service, opnum) {
        (Service::Samr, 38 | 54 | 55 | 63 | 66 | 73) => Kind::PasswordChange,
        (
            Service::Samr,
            2 | 9 | 10 | 12 | 14 | 21..=24 | 26 | 29..=32 | 35 | 37 | 45 | 50 | 52 | 53 | 58,
        ) => Kind::SamrChange,
        (Service::Samr, _) => Kind::SamrQuery,
        (Service::Lsarpc, 14 | 15 | 57 | 58 | 68 | 76 | 77) => Kind::LsaLookup,
        (Service::Lsarpc, 30 | 43) | (Service::Bkrp, _) => Kind::PrivateDataRetrieval,
        (Service::Lsarpc, _) => Kind::LsaQuery,
        (Service::Srvsvc, 12) => Kind::SessionEnumeration,
        (Service::Srvsvc | Service::Wkssvc, _) => Kind::ServerQuery,
        (Service::Svcctl, 11 | 12 | 23 | 24 | 36 | 37 | 44 | 45 | 60) => Kind::ServiceCreation,
        (Service::Svcctl, _) => Kind::ServiceQuery,
        (Service::Atsvc, 0) | (Service::TaskScheduler, 1 | 12) => Kind::TaskScheduling,
        (Service::Winreg, _) => Kind::RemoteRegistry,
        (Service::Drsuapi, 3) => Kind::Replication,
        (Service::Drsuapi, _) => Kind::DirectoryQuery,
        (Service::Netlogon, 2 | 39 | 45) => Kind::CredentialValidation,
        (Service::Netlogon, 6 | 30) => Kind::PasswordChange,
        (Service::Netlogon, _) => Kind::NetlogonCall,
        (Service::WbemLogin | Service::WbemServices | Service::WbemEnum, _) => Kind::WmiExecution,
        _ => Kind::RemoteCall,
    }
}

/// Reads out of a request's stub, which is not sealed, what the call is done to.
pub fn arguments(service: Service, opnum: u16, stub: Stub<'_>, asked: &mut Asked) {
    // What cannot be read leaves the names empty.
    let _ = match service {
        Service::Epm => mapper(opnum, stub, asked),
        Service::Samr => samr(opnum, stub, asked),
        Service::Lsarpc => lsarpc(opnum, stub, &mut asked.target),
        Service::Netlogon => netlogon(opnum, stub, asked),
        Service::Drsuapi => drsuapi(opnum, stub, &mut asked.target),
        Service::Bkrp => backup_key(stub, &mut asked.target),
        _ => named(service, opnum, stub, &mut asked.target),
    };
}

/// Calls whose first arguments are names.
fn named(service: Service, opnum: u16, mut stub: Stub<'_>, target: &mut Held) -> Option<()> {
    let text = match (service, opnum) {
        // [in, string] after a handle.
        (Service::Svcctl, 12 | 16 | 20 | 21 | 45 | 60) => {
            stub.handle()?;
            stub.text()?
        }
        (Service::Svcctl, 24 | 28 | 32 | 33 | 44) => {
            stub.handle()?;
            stub.narrow()?
        }
        (Service::Svcctl, 27) => {
            if !stub.pointer()? {
                return None;
            }
            stub.narrow()?
        }
        // [in, string] first.
        (Service::TaskScheduler, 2 | 3 | 6 | 7 | 12 | 13)
        | (Service::Efsrpc, 0 | 4..=9 | 12 | 13)
        | (Service::Netdfs, 1..=4 | 12 | 13 | 15)
        | (Service::Fsrvp, 8 | 9) => stub.text()?,
        // The name of the share stands behind the name of the server.
        (Service::Srvsvc, 16 | 18 | 19) => {
            stub.unique_text()?;
            stub.text()?
        }
        (Service::Srvsvc | Service::Wkssvc | Service::Atsvc, _)
        | (Service::Svcctl, 15)
        | (Service::TaskScheduler, 1)
        | (Service::Spoolss, 1 | 69) => stub.unique_text()??,
        // Whom the spooler shall notify: behind flags and options.
        (Service::Spoolss, 62 | 65) => {
            let _ = (stub.handle()?, stub.long()?, stub.long()?);
            stub.unique_text()??
        }
        (Service::Winreg, 6..=8 | 15 | 17 | 22) => {
            stub.handle()?;
            stub.counted_text()?
        }
        (Service::Icpr, 0) => {
            stub.long()?;
            stub.unique_text()??
        }
        _ => return None,
    };
    target.set(&text);
    Some(())
}

/// Which interface is asked for.
fn mapper(opnum: u16, stub: Stub<'_>, asked: &mut Asked) -> Option<()> {
    if opnum != epm::MAP {
        return None;
    }
    let uuid = epm::asked(stub)?.interface.uuid;
    match Service::of(uuid) {
        Some(service) => asked.target.set(&service.name()),
        None => asked.target.set(&uuid),
    }
    Some(())
}

/// \[MS-SAMR\] section 3.1.5.
fn samr(opnum: u16, mut stub: Stub<'_>, asked: &mut Asked) -> Option<()> {
    let target = &mut asked.target;
    match opnum {
        57 | 62 | 64 => target.set(&stub.unique_text()??),
        5 | 10 | 12 | 14 | 50 => {
            stub.handle()?;
            target.set(&stub.counted_text()?);
        }
        7 => {
            let _ = (stub.handle()?, stub.long()?);
            target.set(&stub.sid()?);
        }
        17 => {
            let _ = (stub.handle()?, stub.long()?);
            let count = stub.varying()?;
            list_names(count, &mut stub, target)?;
        }
        18 => {
            let _ = (stub.handle()?, stub.long()?);
            for _ in 0..stub.varying()?.min(LISTED_MAX) {
                let id = stub.long()?;
                separate(target);
                let _ = write!(target, "RID {id}"); // full: the rest is left out
            }
        }
        19 | 27 | 34 => {
            let _ = (stub.handle()?, stub.long()?);
            target.set(&format_args!("RID {}", stub.long()?));
        }
        37 | 58 => {
            stub.handle()?;
            let class = stub.enumeration()?;
            if is_password_class(class) {
                asked.kind = Kind::PasswordChange;
            }
            asked.add_detail(&format_args!("class {class}"));
        }
        54 => {
            // Two pointers to RPC_STRINGs, the second always there.
            if stub.pointer()? && stub.counted()? {
                stub.narrow()?;
            }
            if stub.counted()? {
                target.set(&stub.narrow()?);
            }
        }
        55 | 63 | 73 => {
            if stub.pointer()? && stub.counted()? {
                stub.text()?;
            }
            target.set(&stub.counted_text()?);
        }
        _ => return None,
    }
    Some(())
}

/// Whether a `USER_INFORMATION_CLASS` sets a password, \[MS-SAMR\] section 2.2.6.28: the
/// internal ones.
const fn is_password_class(class: u32) -> bool {
    matches!(class, 18 | 23..=26 | 31 | 32)
}

/// \[MS-LSAD\] section 3.1.4 and \[MS-LSAT\] section 3.1.4.
fn lsarpc(opnum: u16, mut stub: Stub<'_>, target: &mut Held) -> Option<()> {
    match opnum {
        44 | 45 => target.set(&stub.unique_text()??),
        14 | 58 | 68 | 77 => {
            if opnum != 77 {
                stub.handle()?;
            }
            stub.long()?;
            let count = stub.size()?;
            list_names(count, &mut stub, target)?;
        }
        15 | 57 | 76 => {
            if opnum != 76 {
                stub.handle()?;
            }
            stub.align(if stub.is_wide() { 8 } else { 4 });
            stub.long()?;
            if !stub.pointer()? {
                return None;
            }
            let count = stub.size()?.min(LISTED_MAX);
            let mut present = 0;
            for _ in 0..count {
                present += usize::from(stub.pointer()?);
            }
            for _ in 0..present {
                let sid = stub.sid()?;
                separate(target);
                let _ = write!(target, "{sid}"); // full: the rest is left out
            }
        }
        16 | 28 | 42 | 43 | 48 | 55 => {
            stub.handle()?;
            target.set(&stub.counted_text()?);
        }
        _ => return None,
    }
    Some(())
}

/// Lists the names of an array of `RPC_UNICODE_STRING`: all headers, then all characters. Where
/// there are more than we list, their headers must be skipped all the same.
fn list_names(count: usize, stub: &mut Stub<'_>, target: &mut Held) -> Option<()> {
    let mut headers = stub.clone();
    let mut listed = [false; LISTED_MAX];
    for place in 0..count {
        let has_text = headers.counted()?;
        if let Some(listed) = listed.get_mut(place) {
            *listed = has_text;
        }
    }
    for _ in listed.iter().filter(|&&has_text| has_text) {
        let name = headers.text()?;
        separate(target);
        let _ = write!(target, "{name}"); // full: the rest is left out
    }
    Some(())
}

fn separate(target: &mut Held) {
    if !target.is_empty() {
        let _ = target.write_str(", "); // full: the rest is left out
    }
}

/// \[MS-NRPC\] section 3.5.4.
fn netlogon(opnum: u16, mut stub: Stub<'_>, asked: &mut Asked) -> Option<()> {
    match opnum {
        2 | 39 | 45 => {
            let _ = (stub.unique_text()?, stub.unique_text()?);
            if opnum != 39 {
                // Authenticator and return authenticator: credential of 8 octets and a time.
                for _ in 0..2 {
                    if stub.pointer()? {
                        stub.take(8)?;
                        stub.long()?;
                    }
                }
            }
            validation(&mut stub, asked)
        }
        4 | 5 | 6 | 15 | 26 | 30 => {
            stub.unique_text()?;
            asked.target.set(&stub.text()?);
            Some(())
        }
        20 | 27 | 34 => {
            asked.target.set(&stub.unique_text()??);
            Some(())
        }
        _ => None,
    }
}

/// Who is validated, out of a `NETLOGON_LEVEL`, \[MS-NRPC\] section 2.2.1.4.6.
fn validation(stub: &mut Stub<'_>, asked: &mut Asked) -> Option<()> {
    let level = stub.enumeration()?;
    asked.add_detail(&format_args!("level {level}"));
    // Two digests, or a challenge and two headers of strings.
    let (digests, strings) = match level {
        1 | 3 | 5 | 7 => (32, 0),
        2 | 6 => (8, 2),
        _ => return None,
    };
    stub.enumeration()?;
    if !stub.pointer()? {
        return None;
    }
    let has_domain = stub.counted()?;
    let _ = (stub.long()?, stub.long()?, stub.long()?);
    let (has_user, has_host) = (stub.counted()?, stub.counted()?);
    stub.take(digests)?;
    for _ in 0..strings {
        stub.counted()?;
    }
    let mut next = |is_there: bool| if is_there { stub.text().map(Some) } else { Some(None) };
    let (domain, user, host) = (next(has_domain)?, next(has_user)?, next(has_host)?);
    match (domain, user) {
        (Some(domain), Some(user)) => asked.principal.set(&format_args!("{domain}\\{user}")),
        (None, Some(user)) => asked.principal.set(&user),
        _ => {}
    }
    if let Some(host) = host {
        asked.target.set(&host);
    }
    Some(())
}

/// The naming context of `IDL_DRSGetNCChanges`, versions 8 and 10, \[MS-DRSR\] section 4.1.10.2;
/// others are too old or too new to be seen unsealed.
fn drsuapi(opnum: u16, mut stub: Stub<'_>, target: &mut Held) -> Option<()> {
    if opnum != 3 {
        return None;
    }
    stub.handle()?;
    let version = stub.long()?;
    stub.long()?;
    // Identifiers of the two servers, the name, three update sequence numbers.
    stub.align(8);
    stub.take(32)?;
    stub.pointer()?;
    stub.align(8);
    stub.take(24)?;
    // Vector, flags and limits, operation and its value, two sets of attributes, prefixes.
    stub.pointer()?;
    for _ in 0..4 {
        stub.long()?;
    }
    stub.align(8);
    stub.take(8)?;
    let _ = (stub.pointer()?, stub.pointer()?, stub.long()?, stub.pointer()?);
    match version {
        8 => {}
        10 => {
            stub.long()?;
        }
        _ => return None,
    }
    // The name is the first that was pointed to.
    stub.size()?;
    let _ = (stub.long()?, stub.long()?);
    stub.take(16 + 28)?;
    let length = usize::try_from(stub.long()?).ok()?;
    target.set(&stub.wide(length)?);
    Some(())
}

/// What is asked of the backup keys, \[MS-BKRP\] section 3.1.4.1.
fn backup_key(mut stub: Stub<'_>, target: &mut Held) -> Option<()> {
    let action = match stub.uuid()?.0 {
        0x7f752b10_178e_11d1_ab8f_00805f14db40 => "BACKUPKEY_BACKUP_GUID",
        0x47270c64_2fc7_499b_ac5b_0e37cdce899a => "BACKUPKEY_RESTORE_GUID",
        0x018ff48a_eaba_40c6_8f6d_72370240e967 => "BACKUPKEY_RETRIEVE_BACKUP_KEY_GUID",
        0x7fe94d50_178e_11d1_ab8f_00805f14db40 => "BACKUPKEY_RESTORE_GUID_WIN2K",
        _ => return None,
    };
    target.set(&action);
    Some(())
}

/// Whether a call that returned `value` succeeded.
pub fn outcome(answer: Answer, value: u32) -> Outcome {
    /// `ERROR_MORE_DATA`: answered, in parts, \[MS-ERREF\] section 2.2.
    const MORE_DATA: u32 = 234;
    /// Win32 errors take 16 bits.
    const WIN32_MAX: u32 = 0xffff;
    /// An `HRESULT` that failed.
    const FAILED: u32 = 0x8000_0000;
    let failure =
        |name: fn(u32) -> &'static str| Outcome::Failure { code: value, name: name(value) };
    match answer {
        Answer::Nothing => Outcome::Success,
        Answer::NtStatus | Answer::Either if value >= status::SEVERE => failure(status::nt),
        Answer::NtStatus => Outcome::Success,
        Answer::Either if value == 0 || value > WIN32_MAX => Outcome::Success,
        Answer::Win32 if value == 0 || value == MORE_DATA => Outcome::Success,
        Answer::Either | Answer::Win32 => failure(status::win32),
        Answer::HResult if value < FAILED => Outcome::Success,
        Answer::HResult => Outcome::Failure { code: value, name: hresult(value) },
    }
}

/// Name of an `HRESULT`, \[MS-ERREF\] section 2.1.1, or of the Win32 error that it wraps,
/// section 2.1.2; empty where we know none.
fn hresult(value: u32) -> &'static str {
    const WIN32: u32 = 0x8007;
    match value {
        0x8000_4001 => "E_NOTIMPL",
        0x8000_4002 => "E_NOINTERFACE",
        0x8000_4005 => "E_FAIL",
        0x8000_ffff => "E_UNEXPECTED",
        _ if value >> 16 == WIN32 => status::win32(value & 0xffff),
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;
    use crate::proto::dcerpc::ndr::{HANDLE, StubWriter};
    use crate::proto::dcerpc::syntax::{Order, Uuid};
    use crate::proto::{Id, Side};

    const SHAPES: [(Order, bool); 3] =
        [(Order::Little, false), (Order::Little, true), (Order::Big, false)];

    /// What is read of a stub that `write` makes: principal, target, detail and kind; the same in
    /// all shapes, and nothing that panics where the stub is cut.
    fn read(service: Service, opnum: u16, write: fn(&mut StubWriter)) -> (String, String, String) {
        let mut told = Vec::new();
        for (order, is_wide) in SHAPES {
            let mut writer = StubWriter::new(order, is_wide);
            write(&mut writer);
            let bytes = writer.finish();
            for length in 0..bytes.len() {
                let stub = Stub::new(&bytes[..length], order, is_wide);
                arguments(service, opnum, stub, &mut asked(service, opnum));
            }
            let mut asked = asked(service, opnum);
            arguments(service, opnum, Stub::new(&bytes, order, is_wide), &mut asked);
            let Asked { principal, target, detail, .. } = asked;
            told.push([principal, target, detail].map(|name| name.as_str().to_owned()));
        }
        assert!(told.iter().all(|other| *other == told[0]), "{told:?}");
        told.remove(0).into()
    }

    fn asked(service: Service, opnum: u16) -> Asked {
        Asked {
            kind: kind(service, opnum),
            protocol: Id::Dcerpc,
            time: Timestamp::from_nanos(0),
            asked_by: Side::Client,
            principal: Held::default(),
            target: Held::default(),
            detail: Held::default(),
        }
    }

    fn target(service: Service, opnum: u16, write: fn(&mut StubWriter)) -> String {
        read(service, opnum, write).1
    }

    fn handle(stub: &mut StubWriter) -> &mut StubWriter {
        stub.handle([7; HANDLE])
    }

    #[test]
    fn calls_are_the_activities_that_their_interfaces_say() {
        for (service, opnum, operation, want) in [
            (Service::Drsuapi, 3, "IDL_DRSGetNCChanges", Kind::Replication),
            (Service::Drsuapi, 12, "IDL_DRSCrackNames", Kind::DirectoryQuery),
            (Service::Lsarpc, 43, "LsarRetrievePrivateData", Kind::PrivateDataRetrieval),
            (Service::Lsarpc, 14, "LsarLookupNames", Kind::LsaLookup),
            (Service::Lsarpc, 6, "LsarOpenPolicy", Kind::LsaQuery),
            (Service::Bkrp, 0, "BackuprKey", Kind::PrivateDataRetrieval),
            (Service::Srvsvc, 12, "NetrSessionEnum", Kind::SessionEnumeration),
            (Service::Srvsvc, 15, "NetrShareEnum", Kind::ServerQuery),
            (Service::Svcctl, 12, "RCreateServiceW", Kind::ServiceCreation),
            (Service::Svcctl, 15, "ROpenSCManagerW", Kind::ServiceQuery),
            (Service::Atsvc, 0, "NetrJobAdd", Kind::TaskScheduling),
            (Service::TaskScheduler, 1, "SchRpcRegisterTask", Kind::TaskScheduling),
            (Service::Winreg, 2, "OpenLocalMachine", Kind::RemoteRegistry),
            (Service::Samr, 64, "SamrConnect5", Kind::SamrQuery),
            (Service::Samr, 50, "SamrCreateUser2InDomain", Kind::SamrChange),
            (Service::Samr, 55, "SamrUnicodeChangePasswordUser2", Kind::PasswordChange),
            (Service::Netlogon, 39, "NetrLogonSamLogonEx", Kind::CredentialValidation),
            (Service::Netlogon, 26, "NetrServerAuthenticate3", Kind::NetlogonCall),
        ] {
            assert_eq!(service.operation(opnum), Some(operation));
            assert_eq!(kind(service, opnum), want, "{operation}");
        }
    }

    #[test]
    fn accounts_are_named() {
        let samr = |opnum, write| target(Service::Samr, opnum, write);
        assert_eq!(
            samr(64, |w| {
                w.unique_text(Some(r"\\DC1")).long(1);
            }),
            r"\\DC1"
        );
        assert_eq!(
            samr(5, |w| {
                handle(w).counted_text("LAB");
            }),
            "LAB"
        );
        assert_eq!(
            samr(7, |w| {
                handle(w).long(2).sid(&[21, 7, 8, 9]);
            }),
            "S-1-5-21-7-8-9"
        );
        assert_eq!(
            samr(34, |w| {
                handle(w).long(2).long(1103);
            }),
            "RID 1103"
        );
        let two = |w: &mut StubWriter| {
            handle(w).long(2).size(1000).size(0).size(2).counted("alice").counted("bob");
            w.counted_characters("alice").counted_characters("bob");
        };
        assert_eq!(samr(17, two), "alice, bob");
        let ids = |w: &mut StubWriter| {
            handle(w).long(2).varying(2).long(500).long(512);
        };
        assert_eq!(samr(18, ids), "RID 500, RID 512");
        let change = |w: &mut StubWriter| {
            w.pointer(true).counted_text(r"\\DC1").counted_text("alice").pointer(false);
        };
        assert_eq!(samr(55, change), "alice");
    }

    #[test]
    fn a_password_that_is_set_as_information_is_a_password_change() {
        for (class, kind) in [(26, Kind::PasswordChange), (16, Kind::SamrChange)] {
            let mut writer = StubWriter::new(Order::Little, false);
            handle(&mut writer).enumeration(class);
            let mut asked = asked(Service::Samr, 58);
            let stub = writer.finish();
            arguments(Service::Samr, 58, Stub::new(&stub, Order::Little, false), &mut asked);
            assert_eq!((asked.kind, asked.detail.as_str()), (kind, &*format!("class {class}")));
        }
    }

    #[test]
    fn names_and_identifiers_to_look_up_are_listed() {
        let names = |w: &mut StubWriter| {
            w.long(2).size(2).counted("alice").counted("bob");
            w.counted_characters("alice").counted_characters("bob");
        };
        assert_eq!(target(Service::Lsarpc, 77, names), "alice, bob");
        let sids = |w: &mut StubWriter| {
            let w = handle(w);
            w.align(8).long(2).pointer(true).size(2).pointer(true).pointer(true);
            w.sid(&[32, 544]).align(8).sid(&[21, 1, 2, 3, 500]);
        };
        // The alignment is that of NDR64; in 32 bits nothing needs it.
        let mut writer = StubWriter::new(Order::Little, true);
        sids(&mut writer);
        let (bytes, mut asked) = (writer.finish(), asked(Service::Lsarpc, 57));
        arguments(Service::Lsarpc, 57, Stub::new(&bytes, Order::Little, true), &mut asked);
        assert_eq!(asked.target.as_str(), "S-1-5-32-544, S-1-5-21-1-2-3-500");
        let secret = |w: &mut StubWriter| {
            handle(w).counted_text("$MACHINE.ACC");
        };
        assert_eq!(target(Service::Lsarpc, 43, secret), "$MACHINE.ACC");
    }

    #[test]
    fn a_validation_names_who_is_validated_and_from_where() {
        let network = |w: &mut StubWriter| {
            w.unique_text(Some(r"\\DC1")).unique_text(Some("SRV1"));
            w.enumeration(2).enumeration(2).pointer(true);
            w.counted("LAB").long(0).long(0).long(0).counted("alice").counted("WS1");
            w.octets(&[9; 8]).counted("response").counted("old");
            w.counted_characters("LAB").counted_characters("alice").counted_characters("WS1");
        };
        let told = read(Service::Netlogon, 39, network);
        assert_eq!(told, (r"LAB\alice".into(), "WS1".into(), "level 2".into()));
        let authenticate = |w: &mut StubWriter| {
            w.unique_text(Some("DC1")).text("WS1$");
        };
        assert_eq!(target(Service::Netlogon, 26, authenticate), "WS1$");
    }

    #[test]
    fn services_tasks_files_keys_and_servers_are_named() {
        let create = |w: &mut StubWriter| {
            handle(w).text("updater").pointer(false);
        };
        assert_eq!(target(Service::Svcctl, 12, create), "updater");
        let narrow = |w: &mut StubWriter| {
            handle(w).narrow("updater");
        };
        assert_eq!(target(Service::Svcctl, 24, narrow), "updater");
        let task = |w: &mut StubWriter| {
            w.unique_text(Some(r"\job")).text("<Task/>");
        };
        assert_eq!(target(Service::TaskScheduler, 1, task), r"\job");
        assert_eq!(
            target(Service::Efsrpc, 0, |w| {
                w.text(r"\\WS9\x");
            }),
            r"\\WS9\x"
        );
        let key = |w: &mut StubWriter| {
            handle(w).counted_text("SYSTEM");
        };
        assert_eq!(target(Service::Winreg, 15, key), "SYSTEM");
        let sessions = |w: &mut StubWriter| {
            w.unique_text(Some("dc1")).pointer(false);
        };
        assert_eq!(target(Service::Srvsvc, 12, sessions), "dc1");
        let share = |w: &mut StubWriter| {
            w.unique_text(Some("dc1")).text("NETLOGON");
        };
        assert_eq!(target(Service::Srvsvc, 16, share), "NETLOGON");
        let notify = |w: &mut StubWriter| {
            handle(w).long(256).long(0).unique_text(Some(r"\\WS9")).long(0);
        };
        assert_eq!(target(Service::Spoolss, 65, notify), r"\\WS9");
        let backup = |w: &mut StubWriter| {
            w.uuid(Uuid(0x018ff48a_eaba_40c6_8f6d_72370240e967));
        };
        assert_eq!(target(Service::Bkrp, 0, backup), "BACKUPKEY_RETRIEVE_BACKUP_KEY_GUID");
    }

    #[test]
    fn replication_names_the_naming_context() {
        const NAME: &str = "DC=lab,DC=example";
        let changes = |w: &mut StubWriter| {
            handle(w).long(8).long(8).align(8).octets(&[3; 32]).pointer(true);
            w.align(8).octets(&[0; 24]).pointer(false);
            w.long(1).long(2).long(3).long(0).align(8).octets(&[0; 8]);
            w.pointer(false).pointer(false).long(0).pointer(false);
            let length = NAME.len();
            w.size(length + 1).long(0).long(0).octets(&[0; 44]);
            w.long(u32::try_from(length).unwrap());
            for unit in NAME.encode_utf16() {
                w.short(unit);
            }
        };
        assert_eq!(target(Service::Drsuapi, 3, changes), NAME);
    }

    #[test]
    fn return_values_are_read_in_the_terms_of_their_interface() {
        let failure = |code, name| Outcome::Failure { code, name };
        let denied = failure(0xc000_0022, "STATUS_ACCESS_DENIED");
        assert_eq!(outcome(Answer::NtStatus, 0xc000_0022), denied);
        assert_eq!(outcome(Answer::NtStatus, 0x105), Outcome::Success);
        assert_eq!(outcome(Answer::Either, 0xc000_0022), denied);
        assert_eq!(outcome(Answer::Either, 1355), failure(1355, "ERROR_NO_SUCH_DOMAIN"));
        assert_eq!(outcome(Answer::Win32, 5), failure(5, "ERROR_ACCESS_DENIED"));
        assert_eq!(outcome(Answer::Win32, 234), Outcome::Success);
        assert_eq!(outcome(Answer::HResult, 1), Outcome::Success);
        assert_eq!(
            outcome(Answer::HResult, 0x8007_0005),
            failure(0x8007_0005, "ERROR_ACCESS_DENIED")
        );
        assert_eq!(outcome(Answer::Nothing, 9), Outcome::Success);
    }
}
