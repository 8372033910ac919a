//! A message to a mailslot: a transaction of SMB 1 inside a datagram, \[MS-CIFS\] section
//! 2.2.4.33, \[MS-MAIL\] section 2.2.1.

use super::zero_terminated;
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

/// What SMB 1 begins with, \[MS-CIFS\] section 2.2.3.1.
const MAGIC: [u8; 4] = *b"\xffSMB";
/// SMB_COM_TRANSACTION.
const TRANSACTION: u8 = 0x25;
/// Words of the transaction and its setup.
const WORDS: u8 = 17;
/// Words of the setup.
const SETUP_WORDS: u8 = 3;
/// The only operation of mailslots: write, \[MS-MAIL\] section 2.2.1.
const WRITE: u16 = 1;

/// Mailslot of the browser, \[MS-BRWS\] section 2.1.
pub const BROWSE: &[u8] = b"\\MAILSLOT\\BROWSE";
/// Mailslot of those who locate domain controllers, \[MS-ADTS\] section 6.3.5.
pub const NETLOGON: &[u8] = b"\\MAILSLOT\\NET\\NETLOGON";

wire_struct! {
    /// Header of SMB 1, \[MS-CIFS\] section 2.2.3.1, without what is fixed here.
    pub struct SmbHead / SmbHeadView [27] {
        /// 0 in what is asked.
        0 status: le u32,
        /// Case of names and more.
        4 flags: be u8,
        /// Forms of names and status.
        5 flags2: le u16,
        /// Upper half of the process id.
        7 process_high: le u16,
        /// Signature and reserved bytes.
        9 signature: raw [u8; 10],
        /// Tree; mailslots need none.
        19 tree: le u16,
        /// Lower half of the process id.
        21 process_low: le u16,
        /// Session; mailslots need none.
        23 user: le u16,
        /// Matches answers, which mailslots do not have.
        25 multiplex: le u16,
    }
}

wire_struct! {
    /// Words of a transaction, \[MS-CIFS\] section 2.2.4.33.1, and the setup of a mailslot.
    pub struct Words / WordsView [37] {
        /// Words that follow.
        0 word_count: be u8,
        /// Bytes of parameters in all.
        1 total_parameter_count: le u16,
        /// Bytes of data in all.
        3 total_data_count: le u16,
        /// Bytes of parameters that an answer may have.
        5 max_parameter_count: le u16,
        /// Bytes of data that an answer may have.
        7 max_data_count: le u16,
        /// Words of setup that an answer may have.
        9 max_setup_count: be u8,
        /// Reserved.
        10 reserved: be u8,
        /// Whether an answer is wanted.
        11 flags: le u16,
        /// Milliseconds that the server may take.
        13 timeout_milliseconds: le u32,
        /// Reserved.
        17 reserved2: le u16,
        /// Bytes of parameters here.
        19 parameter_count: le u16,
        /// Where they lie, counted from the SMB header.
        21 parameter_offset: le u16,
        /// Bytes of data here.
        23 data_count: le u16,
        /// Where they lie, counted from the SMB header.
        25 data_offset: le u16,
        /// Words of setup.
        27 setup_count: be u8,
        /// Reserved.
        28 reserved3: be u8,
        /// What shall be done.
        29 operation: le u16,
        /// 0 to 9.
        31 priority: le u16,
        /// 1 with a promise of delivery, 2 without.
        33 class: le u16,
        /// Bytes that follow: name, parameters, data.
        35 byte_count: le u16,
    }
}

/// Bytes of magic and command before [`SmbHead`].
const START: usize = MAGIC.len() + 1;
/// Where the name begins, counted from the SMB header.
const NAME_AT: usize = START + SmbHead::LEN + Words::LEN;

/// A message to a mailslot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mailslot<'a> {
    /// What precedes the transaction.
    pub head: SmbHead,
    /// Milliseconds that the receiver may take.
    pub timeout_milliseconds: u32,
    /// 0 to 9.
    pub priority: u16,
    /// 1 with a promise of delivery, 2 without.
    pub class: u16,
    /// Name of the mailslot, `\MAILSLOT\BROWSE`.
    pub name: &'a [u8],
    /// What is written to it.
    pub data: &'a [u8],
}

impl<'a> Mailslot<'a> {
    /// Reads the user data of a datagram.
    ///
    /// # Errors
    /// Anything but a write to a mailslot.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let at = Reader::new("nbds::Mailslot", bytes);
        let mut r = at.clone();
        let (magic, command) = (r.array::<4>()?, r.byte()?);
        if *magic != MAGIC {
            let got = u64::from(u32::from_be_bytes(*magic));
            return Err(at.error(Cause::BadValue { field: "protocol", got }));
        }
        let fixed = |field, want: u16, got: u16| match got == want {
            true => Ok(()),
            false => {
                let (want, got) = (u64::from(want), u64::from(got));
                Err(at.error(Cause::BadConstant { field, want, got }))
            }
        };
        fixed("command", u16::from(TRANSACTION), u16::from(command))?;
        let head = SmbHead::parse(&mut r)?;
        let words = Words::view(&mut r)?;
        fixed("word_count", u16::from(WORDS), u16::from(words.word_count()))?;
        fixed("setup_count", u16::from(SETUP_WORDS), u16::from(words.setup_count()))?;
        fixed("operation", WRITE, words.operation())?;
        let name = zero_terminated(&mut r);
        let mut data = at.named("nbds::Mailslot data");
        data.bytes(usize::from(words.data_offset()))?;
        Ok(Self {
            head,
            timeout_milliseconds: words.timeout_milliseconds(),
            priority: words.priority(),
            class: words.class(),
            name,
            data: data.bytes(usize::from(words.data_count()))?,
        })
    }

    /// Appends the transaction, counts and offsets derived.
    ///
    /// # Errors
    /// More data than 16 bits can count.
    pub fn emit(&self, w: &mut Writer<'_>) -> Result<(), WireError> {
        let Self { head, timeout_milliseconds, priority, class, name, data } = *self;
        let small = |got: usize| {
            u16::try_from(got).map_err(|_| {
                let max = usize::from(u16::MAX);
                let cause = Cause::BadLength { field: "data", got, min: 0, max };
                WireError { what: "nbds::Mailslot", offset: NAME_AT, cause }
            })
        };
        w.bytes(&MAGIC);
        w.byte(TRANSACTION);
        head.emit(w);
        let words = Words {
            word_count: WORDS,
            total_parameter_count: 0,
            total_data_count: small(data.len())?,
            max_parameter_count: 0,
            max_data_count: 0,
            max_setup_count: 0,
            reserved: 0,
            flags: 0,
            timeout_milliseconds,
            reserved2: 0,
            parameter_count: 0,
            parameter_offset: 0,
            data_count: small(data.len())?,
            data_offset: small(NAME_AT + name.len() + 1)?,
            setup_count: SETUP_WORDS,
            reserved3: 0,
            operation: WRITE,
            priority,
            class,
            byte_count: small(name.len() + 1 + data.len())?,
        };
        words.emit(w);
        w.bytes(name);
        w.byte(0);
        w.bytes(data);
        Ok(())
    }

    /// Whether this is the mailslot called `name`; case does not matter, \[MS-MAIL\] section
    /// 2.2.1.
    pub fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}
