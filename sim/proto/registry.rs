//! The macro that makes [`Id`](super::Id) out of the table of protocols.

/// Turns rows of `module::Marker` into `Id`, its methods, the arrays that recognition is built
/// from, and the laws that each protocol is tested against.
macro_rules! registry {
    ($($(#[$meta:meta])+ $module:ident::$Type:ident,)+) => {
        /// Every protocol that is told apart, in report order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Id {
            $($(#[$meta])+ $Type,)+
            /// None of them.
            Other,
        }

        impl Id {
            /// In report order, `Other` last.
            pub const ALL: &'static [Self] = &[$(Self::$Type,)+ Self::Other];

            /// How many there are: the length of an array that is indexed by protocol.
            pub const COUNT: usize = Self::ALL.len();

            /// Place in [`Id::ALL`].
            #[inline]
            pub const fn index(self) -> usize {
                self as usize
            }

            /// The protocol at `index` of [`Id::ALL`].
            pub fn from_index(index: usize) -> Option<Self> {
                Self::ALL.get(index).copied()
            }

            /// The protocol called `name`.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|id| id.name() == name)
            }

            /// See [`Protocol::NAME`].
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$Type => <$module::$Type as Protocol>::NAME,)+
                    Self::Other => "other",
                }
            }

            /// See [`Protocol::LABEL`].
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$Type => <$module::$Type as Protocol>::LABEL,)+
                    Self::Other => "Other",
                }
            }

            /// See [`Protocol::FRAMING`]; `None` for bytes of no known protocol.
            pub const fn framing(self) -> Option<Framing> {
                match self {
                    $(Self::$Type => Some(<$module::$Type as Protocol>::FRAMING),)+
                    Self::Other => None,
                }
            }

            /// Ports that suggest this protocol, see [`Protocol::TCP_PORTS`].
            pub const fn ports(self, transport: Transport) -> &'static [u16] {
                match (self, transport) {
                    $((Self::$Type, Transport::Tcp) => <$module::$Type as Protocol>::TCP_PORTS,
                      (Self::$Type, Transport::Udp) => <$module::$Type as Protocol>::UDP_PORTS,)+
                    (Self::Other, _) => &[],
                }
            }

            /// See [`Protocol::STARTS`].
            pub const fn starts(self) -> &'static [RangeInclusive<u8>] {
                match self {
                    $(Self::$Type => <$module::$Type as Protocol>::STARTS,)+
                    Self::Other => &[],
                }
            }

            /// See [`Protocol::probe`]. Nothing is provably of no known protocol.
            #[inline]
            pub fn probe(self, payload: &[u8], transport: Transport) -> Probe {
                match self {
                    $(Self::$Type => $module::$Type::probe(payload, transport),)+
                    Self::Other => Probe::Possible,
                }
            }

            /// See [`Protocol::step`]. Bytes of no known protocol are taken as they come.
            pub fn step(self, input: &[u8], transport: Transport) -> Step {
                match self {
                    $(Self::$Type => $module::$Type::step(input, transport),)+
                    Self::Other => Step::framed(input, input.len().max(1)),
                }
            }

            /// See [`Protocol::needed`].
            #[inline]
            pub fn needed(self, head: &[u8], length: usize) -> usize {
                match self {
                    $(Self::$Type => $module::$Type::needed(head, length),)+
                    Self::Other => 0,
                }
            }

            /// See [`Protocol::operation`].
            pub fn operation(self, code: u32) -> Option<&'static str> {
                match self {
                    $(Self::$Type => $module::$Type::operation(code),)+
                    Self::Other => None,
                }
            }

            /// See [`Protocol::reencode`].
            ///
            /// # Errors
            /// What is wrong with `input`.
            pub fn reencode(
                self,
                input: &[u8],
                transport: Transport,
                out: &mut Writer<'_>,
            ) -> Result<(), WireError> {
                match self {
                    $(Self::$Type => $module::$Type::reencode(input, transport, out),)+
                    Self::Other => {
                        out.bytes(input);
                        Ok(())
                    }
                }
            }

            /// See [`Protocol::samples`].
            pub fn samples(self) -> Vec<Sample> {
                match self {
                    $(Self::$Type => $module::$Type::samples(),)+
                    Self::Other => Vec::new(),
                }
            }
        }

        /// What a message of any protocol says.
        #[derive(Debug)]
        pub enum Message<'a> {
            $($(#[$meta])+ $Type(<$module::$Type as Protocol>::Message<'a>),)+
        }

        impl Message<'_> {
            /// Its protocol.
            pub const fn id(&self) -> Id {
                match self {
                    $(Self::$Type(_) => Id::$Type,)+
                }
            }
        }

        /// The dialogues of all flows of a shard.
        #[derive(Debug, Default)]
        pub struct Dialogues {
            $($module: event::Slab<<$module::$Type as Protocol>::Dialogue>,)+
            /// Bytes of memory that all of them hold, used or kept.
            bytes: usize,
            /// Some of them are held by no flow.
            is_keeping: bool,
        }

        impl Dialogues {
            /// Begins a dialogue of `id` and says where it is kept.
            pub fn open(&mut self, id: Id) -> u32 {
                match id {
                    $(Id::$Type => self.$module.open(&mut self.bytes),)+
                    Id::Other => 0,
                }
            }

            /// See [`Protocol::observe`].
            ///
            /// # Errors
            /// What is wrong with the message.
            pub fn observe(
                &mut self,
                (id, at): (Id, u32),
                input: &[u8],
                context: &Context,
                out: &mut dyn Observer,
            ) -> Result<(), WireError> {
                match id {
                    $(Id::$Type => {
                        let dialogue = self.$module.get(at);
                        let read = $module::$Type::observe(input, context, dialogue, out);
                        self.$module.settle(at, input.len(), &mut self.bytes);
                        read
                    })+
                    Id::Other => Ok(()),
                }
            }

            /// See [`Dialogue::gap`].
            pub fn gap(&mut self, (id, at): (Id, u32), side: Side) {
                match id {
                    $(Id::$Type => self.$module.get(at).gap(side),)+
                    Id::Other => {}
                }
            }

            /// See [`Dialogue::is_idle`].
            pub fn is_idle(&mut self, (id, at): (Id, u32)) -> bool {
                match id {
                    $(Id::$Type => self.$module.get(at).is_idle(),)+
                    Id::Other => true,
                }
            }

            /// Ends a dialogue; its place may be given to another, and its memory with it, if
            /// half of what all may hold is left.
            pub fn close(&mut self, (id, at): (Id, u32), out: &mut dyn Observer) {
                let keep = self.bytes <= DIALOGUE_BYTES_MAX / 2;
                self.is_keeping |= keep;
                match id {
                    $(Id::$Type => self.$module.close(at, keep, &mut self.bytes, out),)+
                    Id::Other => {}
                }
            }

            /// Whether all of them hold more memory than they may.
            #[inline]
            pub fn is_full(&self) -> bool {
                self.bytes > DIALOGUE_BYTES_MAX
            }

            /// Bytes of memory that one of them holds.
            pub fn bytes_of(&self, (id, at): (Id, u32)) -> usize {
                match id {
                    $(Id::$Type => self.$module.bytes(at),)+
                    Id::Other => 0,
                }
            }

            /// Frees what no flow holds.
            pub fn release(&mut self) {
                if std::mem::take(&mut self.is_keeping) {
                    $(self.$module.release(&mut self.bytes);)+
                }
            }
        }

        #[cfg(test)]
        mod laws {
            $(#[test] fn $module() { super::conformance::check::<super::$module::$Type>(); })+
        }
    };
}
