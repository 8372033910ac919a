//! Endpoint mapper: which interface was asked for, and where it is. C706 appendix L (protocol
//! towers), appendix O (the interface).

use std::fmt::{self, Display};
use std::net::Ipv4Addr;

use super::ndr::{HANDLE, Stub, StubWriter};
use super::syntax::{Order, Syntax, Uuid};
use crate::proto::Utf8;
use crate::wire::{Reader, WireError, Writer};

/// Protocol identifiers of tower floors, C706 appendix I and \[MS-RPCE\] section 2.2.1.2.
mod floor {
    /// An interface or an encoding.
    pub const UUID: u8 = 0x0d;
    /// Connectionless RPC.
    pub const CONNECTIONLESS: u8 = 0x0a;
    /// Connection-oriented RPC.
    pub const CONNECTION: u8 = 0x0b;
    /// Port of TCP.
    pub const TCP: u8 = 0x07;
    /// Port of UDP.
    pub const UDP: u8 = 0x08;
    /// Address of IP, version 4.
    pub const IP: u8 = 0x09;
    /// Name of a pipe.
    pub const PIPE: u8 = 0x0f;
    /// Name of a local endpoint.
    pub const LOCAL: u8 = 0x10;
    /// Name of a NetBIOS host.
    pub const NETBIOS: u8 = 0x11;
    /// Port of HTTP.
    pub const HTTP: u8 = 0x1f;
}

/// Operation that maps an interface to towers, C706 appendix O.
pub const MAP: u16 = 3;

/// Floors read of one tower: those that say something here are the first five.
const FLOORS_MAX: u16 = 8;
/// Towers read of one answer.
const TOWERS_MAX: usize = 16;
/// Towers that Windows asks for at most.
const TOWERS_WANTED: u32 = 4;

/// Where an interface is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint<'a> {
    /// A TCP port.
    Tcp(u16),
    /// A UDP port.
    Udp(u16),
    /// A TCP port on which RPC is carried in HTTP.
    Http(u16),
    /// A named pipe.
    Pipe(&'a [u8]),
    /// An endpoint on the same host.
    Local(&'a [u8]),
    /// Somewhere else.
    Other,
}

/// An interface and the way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tower<'a> {
    /// The interface.
    pub interface: Syntax,
    /// Where.
    pub endpoint: Endpoint<'a>,
    /// On which host; all zeros where that is asked.
    pub address: Option<Ipv4Addr>,
}

impl<'a> Tower<'a> {
    /// Reads the octets of a tower, which are little-endian but for ports and addresses.
    ///
    /// # Errors
    /// Truncation, which includes a tower without an interface.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new("dcerpc::Tower", bytes);
        let count = u16::from_le_bytes(*r.array()?).min(FLOORS_MAX);
        let (endpoint, address) = (Endpoint::Other, None);
        let mut tower = Self { interface: read_interface(&mut r)?, endpoint, address };
        for _ in 1..count {
            let (left, right) = (counted(&mut r)?, counted(&mut r)?);
            let port = right.first_chunk().map(|port| u16::from_be_bytes(*port));
            match (left.first().copied(), port) {
                (Some(floor::TCP), Some(port)) => tower.endpoint = Endpoint::Tcp(port),
                (Some(floor::UDP), Some(port)) => tower.endpoint = Endpoint::Udp(port),
                (Some(floor::HTTP), Some(port)) => tower.endpoint = Endpoint::Http(port),
                (Some(floor::PIPE), _) => tower.endpoint = Endpoint::Pipe(right),
                (Some(floor::LOCAL), _) => tower.endpoint = Endpoint::Local(right),
                (Some(floor::IP), _) => {
                    tower.address = right.first_chunk().map(|&octets: &[u8; 4]| octets.into());
                }
                _ => {}
            }
        }
        Ok(tower)
    }

    /// Appends the tower, with the encoding that all understand.
    pub fn emit(&self, w: &mut Writer<'_>) {
        let (carrier, left, right): (u8, u8, &[u8]) = match &self.endpoint {
            Endpoint::Tcp(port) => (floor::CONNECTION, floor::TCP, &port.to_be_bytes()),
            Endpoint::Udp(port) => (floor::CONNECTIONLESS, floor::UDP, &port.to_be_bytes()),
            Endpoint::Http(port) => (floor::CONNECTION, floor::HTTP, &port.to_be_bytes()),
            Endpoint::Pipe(name) => (floor::CONNECTION, floor::PIPE, name),
            Endpoint::Local(name) => (floor::CONNECTION, floor::LOCAL, name),
            Endpoint::Other => (floor::CONNECTION, floor::NETBIOS, &[]),
        };
        w.bytes(&(4 + u16::from(self.address.is_some())).to_le_bytes());
        for syntax in [self.interface, Syntax::NDR] {
            let mut bytes = vec![floor::UUID];
            bytes.extend(Order::Little.put_uuid(syntax.uuid));
            bytes.extend(syntax.version.to_le_bytes());
            put_floor(&bytes, &syntax.minor.to_le_bytes(), w);
        }
        put_floor(&[carrier], &[0, 0], w);
        put_floor(&[left], right, w);
        if let Some(address) = self.address {
            put_floor(&[floor::IP], &address.octets(), w);
        }
    }
}

/// The first floor.
fn read_interface(r: &mut Reader<'_>) -> Result<Syntax, WireError> {
    let at = r.clone();
    let (left, right) = (counted(r)?, counted(r)?);
    let mut left = at.named("dcerpc::Floor").sub("dcerpc::Floor", 2 + left.len())?;
    let _ = left.array::<3>()?;
    let uuid = Order::Little.get_uuid(*left.array()?);
    let version = u16::from_le_bytes(*left.array()?);
    let minor = right.first_chunk().map_or(0, |minor| u16::from_le_bytes(*minor));
    Ok(Syntax { uuid, version, minor })
}

fn counted<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], WireError> {
    let length = u16::from_le_bytes(*r.array()?);
    r.bytes(usize::from(length))
}

fn put_floor(left: &[u8], right: &[u8], w: &mut Writer<'_>) {
    for side in [left, right] {
        let length = u16::try_from(side.len()).unwrap_or(u16::MAX);
        w.bytes(&length.to_le_bytes());
        w.bytes(side.get(..usize::from(length)).unwrap_or_default());
    }
}

impl Display for Tower<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |name: &'_ [u8], f: &mut fmt::Formatter<'_>| {
            let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
            Utf8(name.get(..end).unwrap_or_default()).fmt(f)
        };
        if let Some(address) = self.address {
            write!(f, "{address}:")?;
        }
        match self.endpoint {
            Endpoint::Tcp(port) => write!(f, "{port}"),
            Endpoint::Udp(port) => write!(f, "udp/{port}"),
            Endpoint::Http(port) => write!(f, "http/{port}"),
            Endpoint::Pipe(name) | Endpoint::Local(name) => text(name, f),
            Endpoint::Other => f.write_str("?"),
        }
    }
}

/// The tower in the arguments of `ept_map`: whose interface is asked for.
pub fn asked<'a>(mut stub: Stub<'a>) -> Option<Tower<'a>> {
    if stub.pointer()? {
        stub.uuid()?;
    }
    if stub.pointer()? { tower(&mut stub) } else { None }
}

/// The towers in the results of `ept_map`: where it is offered.
#[derive(Debug, Clone)]
pub struct Answered<'a> {
    stub: Stub<'a>,
    left: usize,
}

impl<'a> Answered<'a> {
    /// Begins at the results. An answer whose stub is cut ends early.
    pub fn new(mut stub: Stub<'a>) -> Self {
        let left = Self::begin(&mut stub).unwrap_or(0).min(TOWERS_MAX);
        Self { stub, left }
    }

    /// Skips handle, count and the array of pointers.
    fn begin(stub: &mut Stub<'a>) -> Option<usize> {
        stub.handle()?;
        stub.long()?;
        let count = stub.varying()?.min(TOWERS_MAX);
        for _ in 0..count {
            stub.pointer()?;
        }
        Some(count)
    }
}

impl<'a> Iterator for Answered<'a> {
    type Item = Tower<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        tower(&mut self.stub)
    }
}

/// A `twr_t`: its length as the array's size and again as a member, then the octets.
fn tower<'a>(stub: &mut Stub<'a>) -> Option<Tower<'a>> {
    stub.size()?;
    let length = usize::try_from(stub.long()?).ok()?;
    Tower::parse(stub.take(length)?).ok()
}

fn put_tower(tower: &Tower<'_>, stub: &mut StubWriter) {
    let mut bytes = Vec::new();
    tower.emit(&mut Writer::new(&mut bytes));
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    stub.size(bytes.len()).long(length).octets(&bytes);
}

/// Writes the arguments of `ept_map` for any object. Its pointers are full ones, which are
/// numbered through arguments and results alike, C706 section 14.3.12.2.
pub fn ask(tower: &Tower<'_>, order: Order, is_wide: bool) -> Vec<u8> {
    let mut stub = StubWriter::new(order, is_wide);
    stub.size(1).uuid(Uuid(0)).size(2);
    put_tower(tower, &mut stub);
    stub.handle([0; HANDLE]).long(TOWERS_WANTED);
    stub.finish()
}

/// Writes the results of `ept_map`.
pub fn answer(towers: &[Tower<'_>], status: u32, order: Order, is_wide: bool) -> Vec<u8> {
    let mut stub = StubWriter::new(order, is_wide);
    let count = u32::try_from(towers.len()).unwrap_or(u32::MAX);
    stub.handle([0; HANDLE]).long(count);
    stub.size(TOWERS_WANTED as usize).size(0).size(towers.len());
    for (number, _) in (3..).zip(towers) {
        stub.size(number);
    }
    for tower in towers {
        put_tower(tower, &mut stub);
    }
    stub.long(status);
    stub.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::dcerpc::Service;

    #[test]
    fn what_is_asked_and_answered_is_read_as_it_was_written() {
        let interface = Syntax { uuid: Service::Drsuapi.uuid(), version: 4, minor: 0 };
        let address = Some(Ipv4Addr::new(192, 0, 2, 10));
        let tcp = Tower { interface, endpoint: Endpoint::Tcp(49667), address };
        let pipe = Tower { interface, endpoint: Endpoint::Pipe(b"\\pipe\\lsass\0"), address: None };
        for (order, is_wide) in [(Order::Little, false), (Order::Little, true), (Order::Big, false)]
        {
            let bytes = ask(&tcp, order, is_wide);
            assert_eq!(asked(Stub::new(&bytes, order, is_wide)), Some(tcp));
            let bytes = answer(&[tcp, pipe], 0, order, is_wide);
            let towers: Vec<_> = Answered::new(Stub::new(&bytes, order, is_wide)).collect();
            assert_eq!(towers, [tcp, pipe]);
        }
        assert_eq!(
            (tcp.to_string(), pipe.to_string()),
            ("192.0.2.10:49667".into(), r"\pipe\lsass".into())
        );
    }

    #[test]
    fn a_tower_cut_anywhere_is_no_tower() {
        let interface = Syntax { uuid: Service::Samr.uuid(), version: 1, minor: 0 };
        let tower = Tower { interface, endpoint: Endpoint::Udp(1025), address: None };
        let mut bytes = Vec::new();
        tower.emit(&mut Writer::new(&mut bytes));
        assert_eq!(Tower::parse(&bytes), Ok(tower));
        for length in 0..bytes.len() {
            assert!(Tower::parse(&bytes[..length]).is_err(), "{length} bytes");
        }
    }
}
