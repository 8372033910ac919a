//! What is called through pipes: arguments and results as NDR writes them.

use super::pipe::{Call, Interface};
use crate::proto::dcerpc::Service;
use crate::proto::dcerpc::ndr::StubWriter;
use crate::proto::dcerpc::syntax::Order;
use crate::proto::{Kind, Outcome};
use crate::synth::rpc;

/// The server service, \[MS-SRVS\] section 1.9.
pub const SRVSVC: Interface = interface(Service::Srvsvc, "srvsvc", 3);
/// The workstation service, \[MS-WKST\] section 1.9.
pub const WKSSVC: Interface = interface(Service::Wkssvc, "wkssvc", 1);
/// The local security authority, \[MS-LSAT\] section 1.9.
pub const LSARPC: Interface = Interface { rpc: rpc::LSARPC, pipe: "lsarpc" };
/// The spooler, \[MS-RPRN\] section 1.9.
pub const SPOOLSS: Interface = interface(Service::Spoolss, "spoolss", 1);

const fn interface(service: Service, pipe: &'static str, version: u16) -> Interface {
    Interface { rpc: rpc::Interface { service, version }, pipe }
}

/// A domain controller's types, \[MS-SRVS\] section 2.2.2.7: workstation, server, domain
/// controller, time source, NT, and that it runs DFS.
const SERVER_TYPES: u32 = 0x0080_102b;
/// Windows NT, \[MS-SRVS\] section 2.2.2.6.
const PLATFORM: u32 = 500;
/// Version of Windows 10 and of Server 2016 and later.
const VERSION: [u32; 2] = [10, 0];
/// No name was found, \[MS-ERREF\] section 2.3.1; and some was not.
const NONE_MAPPED: u32 = 0xc000_0073;

/// Begins arguments or results, in 64-bit NDR as between Windows of 64 bits.
const fn stub() -> StubWriter {
    StubWriter::new(Order::Little, true)
}

/// Begins a structure that holds pointers, \[MS-RPCE\] section 2.2.5.3.4.1.
fn structure(w: &mut StubWriter) -> &mut StubWriter {
    w.align(8)
}

fn call(opnum: u16, kind: Kind, target: String, stubs: (StubWriter, StubWriter)) -> Call {
    let (arguments, results) = (stubs.0.finish(), stubs.1.finish());
    let (target, outcome) = (Some(target), Outcome::Success);
    Call { opnum, arguments, results, kind, target, outcome }
}

/// NetrServerGetInfo of level 101, \[MS-SRVS\] sections 3.1.4.17 and 2.2.4.41.
pub fn server_info(server: &str, host: &str) -> Call {
    let (mut asks, mut tells) = (stub(), stub());
    asks.unique_text(Some(server)).long(101);
    tells.long(101);
    tells.pointer(true);
    tells.long(PLATFORM);
    tells.pointer(true);
    VERSION.iter().chain([&SERVER_TYPES]).for_each(|number| {
        tells.long(*number);
    });
    tells.pointer(true);
    tells.text(host).text("").long(0);
    call(21, Kind::ServerQuery, server.to_owned(), (asks, tells))
}

/// NetrShareGetInfo of level 1, \[MS-SRVS\] sections 3.1.4.10 and 2.2.4.23.
pub fn share_info(server: &str, share: &str) -> Call {
    let (mut asks, mut tells) = (stub(), stub());
    asks.unique_text(Some(server)).text(share).long(1);
    tells.long(1);
    tells.pointer(true);
    tells.pointer(true);
    tells.long(0); // a share of files
    tells.pointer(true);
    tells.text(share).text("Logon server share ").long(0);
    call(16, Kind::ServerQuery, share.to_owned(), (asks, tells))
}

/// NetrWkstaGetInfo of level 100, \[MS-WKST\] sections 3.2.4.1 and 2.2.5.1.
pub fn workstation_info(server: &str, host: &str, domain: &str) -> Call {
    let (mut asks, mut tells) = (stub(), stub());
    asks.unique_text(Some(server)).long(100);
    tells.long(100);
    tells.pointer(true);
    tells.long(PLATFORM);
    tells.pointer(true);
    tells.pointer(true);
    VERSION.iter().for_each(|number| {
        tells.long(*number);
    });
    tells.text(host).text(domain).long(0);
    call(0, Kind::ServerQuery, server.to_owned(), (asks, tells))
}

/// NetrSessionEnum of level 10, \[MS-SRVS\] sections 3.1.4.5 and 2.2.4.13: who is connected from
/// where, for how long.
pub fn sessions(server: &str, sessions: &[(String, String, u32)]) -> Call {
    let (mut asks, mut tells) = (stub(), stub());
    asks.unique_text(Some(server)).pointer(false).pointer(false);
    structure(&mut asks).long(10).long(10).pointer(true).long(0).pointer(false);
    asks.long(u32::MAX).pointer(true).long(0);
    let count = sessions.len();
    let total = u32::try_from(count).unwrap_or(u32::MAX);
    tells.long(10).long(10).pointer(true).long(total).pointer(count > 0);
    if count > 0 {
        tells.size(count);
        for (_, _, seconds) in sessions {
            tells.pointer(true).pointer(true).long(*seconds).long(seconds % 60);
        }
        for (client, user, _) in sessions {
            tells.text(client).text(user);
        }
    }
    tells.long(total).pointer(true).long(0).long(0);
    call(12, Kind::SessionEnumeration, server.to_owned(), (asks, tells))
}

/// LsarOpenPolicy2, \[MS-LSAD\] section 3.1.4.4.1.
pub fn open_policy(server: &str, handle: [u8; 20]) -> Call {
    let (mut asks, mut tells) = (stub(), stub());
    asks.unique_text(Some(server));
    structure(&mut asks)
        .long(24)
        .pointer(false)
        .pointer(false)
        .long(0)
        .pointer(false)
        .pointer(false);
    asks.long(0x0200_0000); // whatever is allowed
    tells.handle(handle).long(0);
    call(44, Kind::LsaQuery, server.to_owned(), (asks, tells))
}

/// LsarClose, \[MS-LSAD\] section 3.1.4.9.4.
pub fn close_policy(handle: [u8; 20]) -> Call {
    let (mut asks, mut tells) = (stub(), stub());
    asks.handle(handle);
    tells.handle([0; 20]).long(0);
    Call { target: None, ..call(0, Kind::LsaQuery, String::new(), (asks, tells)) }
}

/// The domain in an answer, \[MS-LSAT\] section 2.2.12.
fn referenced_domains(w: &mut StubWriter, domain: Option<(&str, &[u32])>) {
    w.pointer(true);
    let Some((name, sid)) = domain else {
        w.long(0).pointer(false).long(0);
        return;
    };
    w.long(1).pointer(true).long(32).size(1).counted(name).pointer(true);
    // The array of names has room for its zero; Windows counts it in.
    w.counted_characters(name).sid(sid);
}

/// LsarLookupNames, \[MS-LSAT\] section 3.1.4.8: the domain's own, with their numbers, or none.
pub fn lookup_names(
    handle: [u8; 20],
    names: &[String],
    domain: (&str, &[u32]),
    first: Option<u32>,
) -> Call {
    let (mut asks, mut tells) = (stub(), stub());
    let count = names.len();
    let total = u32::try_from(count).unwrap_or(u32::MAX);
    asks.handle(handle).long(total).size(count);
    names.iter().for_each(|name| {
        asks.counted(name);
    });
    names.iter().for_each(|name| {
        asks.counted_characters(name);
    });
    structure(&mut asks).long(0).pointer(false).enumeration(1).long(0);
    referenced_domains(&mut tells, first.is_some().then_some(domain));
    structure(&mut tells).long(total).pointer(true).size(count);
    for at in 0..total {
        match first {
            Some(first) => tells.enumeration(1).long(first + at).long(0),
            None => tells.enumeration(8).long(0).long(u32::MAX),
        };
    }
    let (mapped, code) = if first.is_some() { (total, 0) } else { (0, NONE_MAPPED) };
    tells.long(mapped).long(code);
    let outcome = match code {
        0 => Outcome::Success,
        code => Outcome::Failure { code, name: "STATUS_NONE_MAPPED" },
    };
    let listed = names.join(", ");
    Call { outcome, ..call(14, Kind::LsaLookup, listed, (asks, tells)) }
}

/// LsarLookupSids, \[MS-LSAT\] section 3.1.4.11: accounts of the domain by their numbers.
pub fn lookup_sids(
    handle: [u8; 20],
    accounts: &[(u32, String)],
    (domain, sid): (&str, &[u32]),
) -> Call {
    let (mut asks, mut tells) = (stub(), stub());
    let count = accounts.len();
    let total = u32::try_from(count).unwrap_or(u32::MAX);
    structure(asks.handle(handle)).long(total).pointer(true).size(count);
    accounts.iter().for_each(|_| {
        asks.pointer(true);
    });
    let mut listed = String::new();
    for (at, (number, _)) in accounts.iter().enumerate() {
        let parts = [sid, &[*number]].concat();
        asks.sid(&parts);
        listed.push_str(if at > 0 { ", S-1-5" } else { "S-1-5" });
        parts.iter().for_each(|part| listed.push_str(&format!("-{part}")));
    }
    structure(&mut asks).long(0).pointer(false).enumeration(1).long(0);
    referenced_domains(&mut tells, Some((domain, sid)));
    structure(&mut tells).long(total).pointer(true).size(count);
    for (_, name) in accounts {
        structure(&mut tells).enumeration(1).counted(name).long(0);
    }
    structure(&mut tells);
    accounts.iter().for_each(|(_, name)| {
        tells.counted_characters(name);
    });
    tells.long(total).long(0);
    call(15, Kind::LsaLookup, listed, (asks, tells))
}
