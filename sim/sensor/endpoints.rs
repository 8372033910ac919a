//! Which interface a server serves at which TCP port, as its endpoint mapper told a client whose
//! flows are in the same shard.

use crate::flow::Address;
use crate::proto::dcerpc::Syntax;

/// Endpoints remembered in one shard; a domain controller maps some dozens of interfaces to a few
/// ports. Ours.
const ENDPOINTS_MAX: usize = 256;

/// Endpoints told, the oldest makes room.
#[derive(Debug, Default)]
pub struct Endpoints {
    /// Server, port and interface; a ring once it is full.
    told: Vec<((Address, u16), Syntax)>,
    hand: usize,
}

impl Endpoints {
    /// Remembers that `server` has `interface` at its port.
    pub fn learn(&mut self, server: (Address, u16), interface: Syntax) {
        let told = (server, interface);
        if self.told.contains(&told) {
            return;
        }
        if self.told.len() < ENDPOINTS_MAX {
            self.told.push(told);
        } else if let Some(oldest) = self.told.get_mut(self.hand) {
            *oldest = told;
            self.hand = (self.hand + 1) % ENDPOINTS_MAX;
        }
    }

    /// Whether any interface was told to be at a server's port.
    pub fn is_known(&self, server: (Address, u16)) -> bool {
        self.told.iter().any(|(at, _)| *at == server)
    }

    /// The interface at a server's port; none where several were told, as of those that share a
    /// process.
    pub fn interface(&self, server: (Address, u16)) -> Option<Syntax> {
        let mut there = self.told.iter().filter(|(at, _)| *at == server).map(|(_, what)| *what);
        let first = there.next()?;
        there.all(|other| other == first).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: (Address, u16) = (Address { high: 0, low: 1 }, 49_667);

    #[test]
    fn a_port_with_one_interface_is_known_and_with_two_is_not() {
        let mut endpoints = Endpoints::default();
        assert_eq!(endpoints.interface(HERE), None);
        endpoints.learn(HERE, Syntax::NDR);
        endpoints.learn(HERE, Syntax::NDR);
        endpoints.learn((HERE.0, 49_668), Syntax::NDR64);
        assert_eq!(endpoints.interface(HERE), Some(Syntax::NDR));
        endpoints.learn(HERE, Syntax::NDR64);
        assert_eq!(endpoints.interface(HERE), None);
        assert!(endpoints.is_known(HERE) && !endpoints.is_known((HERE.0, 49_669)));
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut endpoints = Endpoints::default();
        for port in 0..300 {
            endpoints.learn((HERE.0, port), Syntax::NDR);
        }
        let known = (0..300).filter(|&port| endpoints.interface((HERE.0, port)).is_some());
        assert_eq!(known.collect::<Vec<_>>(), (44..300).collect::<Vec<_>>());
    }
}
