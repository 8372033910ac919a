//! What one packet says, with what earlier packets of its association say about it.

use super::DatagramPacket;
use super::epm::{self, Tower};
use super::interfaces::Service;
use super::ndr::Stub;
use super::pdu::{FIRST_FRAGMENT, LAST_FRAGMENT, Offers, Pdu, Verdicts, Verifier};
use super::syntax::{Order, Syntax, Uuid, kind};

/// What carries an association.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// A TCP connection.
    Connection,
    /// A named pipe of SMB.
    Pipe,
    /// None: datagrams.
    Datagram,
}

/// A packet where it lies.
#[derive(Debug, Clone, Copy)]
pub enum Packet<'a> {
    /// Connection-oriented.
    Connection(Pdu<'a>),
    /// Connectionless.
    Datagram(DatagramPacket<'a>),
}

/// One packet.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// Its bytes.
    pub packet: Packet<'a>,
    /// What carries it.
    pub carrier: Carrier,
    /// Of a request, response or fault: the interface, where its bind was captured.
    pub interface: Option<Syntax>,
    /// Of a request; of a response or fault where its request was captured.
    pub opnum: Option<u16>,
    /// Counts in its stub take 8 octets.
    pub(super) is_wide: bool,
}

impl<'a> View<'a> {
    /// Packet type, see [`kind`].
    pub const fn kind(&self) -> u8 {
        match &self.packet {
            Packet::Connection(pdu) => pdu.kind,
            Packet::Datagram(datagram) => datagram.header.kind,
        }
    }

    /// Name of the packet type.
    pub fn kind_name(&self) -> &'static str {
        kind::name(self.kind()).unwrap_or("unknown")
    }

    /// Whether a call begins here.
    pub fn is_first(&self) -> bool {
        match &self.packet {
            Packet::Connection(pdu) => pdu.flags & FIRST_FRAGMENT != 0,
            Packet::Datagram(datagram) => datagram.is_first(),
        }
    }

    /// Whether a call ends here.
    pub fn is_last(&self) -> bool {
        match &self.packet {
            Packet::Connection(pdu) => pdu.flags & LAST_FRAGMENT != 0,
            Packet::Datagram(datagram) => datagram.is_last(),
        }
    }

    /// Whether the input ends before the packet does.
    pub const fn is_cut(&self) -> bool {
        match &self.packet {
            Packet::Connection(pdu) => pdu.is_cut,
            Packet::Datagram(datagram) => datagram.is_cut(),
        }
    }

    /// The interface's name, where it has one here.
    pub fn service(&self) -> Option<Service> {
        self.interface.and_then(|interface| Service::of(interface.uuid))
    }

    /// Presentation context of a request, response or fault.
    pub fn context(&self) -> Option<u16> {
        let Packet::Connection(pdu) = &self.packet else { return None };
        let of_request = pdu.request().map(|request| request.context);
        of_request.or_else(|| pdu.response().map(|response| response.context))
    }

    /// Object that a request is for.
    pub fn object(&self) -> Option<Uuid> {
        match &self.packet {
            Packet::Connection(pdu) => pdu.request()?.object,
            Packet::Datagram(datagram) => {
                let object = datagram.order().get_uuid(datagram.header.object);
                (object != Uuid(0)).then_some(object)
            }
        }
    }

    /// Who vouches for it.
    pub fn verifier(&self) -> Option<Verifier<'a>> {
        match &self.packet {
            Packet::Connection(pdu) => pdu.verifier,
            Packet::Datagram(_) => None,
        }
    }

    /// Status of a fault or reject.
    pub fn fault(&self) -> Option<u32> {
        match &self.packet {
            Packet::Connection(pdu) => pdu.fault(),
            Packet::Datagram(datagram) => datagram.fault(),
        }
    }

    /// Contexts that a bind or alter_context offers; none for other packets.
    pub fn offers(&self) -> Option<Offers<'a>> {
        match &self.packet {
            Packet::Connection(pdu) => Some(pdu.offers()),
            Packet::Datagram(_) => None,
        }
    }

    /// What a bind_ack or alter_context_resp says to each; none for other packets.
    pub fn verdicts(&self) -> Option<Verdicts<'a>> {
        match &self.packet {
            Packet::Connection(pdu) => Some(pdu.verdicts()),
            Packet::Datagram(_) => None,
        }
    }

    /// Arguments or results in this fragment, unless they are sealed.
    pub fn stub(&self) -> Option<&'a [u8]> {
        match &self.packet {
            Packet::Connection(pdu) if pdu.may_be_sealed() => None,
            Packet::Connection(pdu) => {
                let of_request = pdu.request().map(|request| request.stub);
                of_request.or_else(|| pdu.response().map(|response| response.stub))
            }
            Packet::Datagram(datagram) => datagram.stub(),
        }
    }

    /// Order of octets in the packet.
    pub fn order(&self) -> Order {
        match &self.packet {
            Packet::Connection(pdu) => pdu.order,
            Packet::Datagram(datagram) => datagram.order(),
        }
    }

    /// Reader of the arguments or results.
    pub(super) fn arguments(&self) -> Option<Stub<'a>> {
        Some(Stub::new(self.stub()?, self.order(), self.is_wide))
    }

    /// What this answer of the endpoint mapper says: where the interfaces are.
    pub fn towers(&self) -> impl Iterator<Item = Tower<'a>> + use<'a> {
        let is_map = self.kind() == kind::RESPONSE
            && self.service() == Some(Service::Epm)
            && self.opnum == Some(epm::MAP);
        let stub = self.arguments().filter(|_| is_map && self.is_first());
        stub.map(epm::Answered::new).into_iter().flatten()
    }
}
