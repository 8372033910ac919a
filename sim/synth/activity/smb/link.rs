//! A connection to the file service and a session on it, \[MS-SMB2\] section 3: what the next
//! message of each side says, and how it is signed or encrypted.

use crate::base::{Random, Timestamp};
use crate::proto::smb2::{Body, FLAG_RELATED, Header, Transform, command};
use crate::proto::{Id, Side, nbss};
use crate::synth::tickets::{Who, account};
use crate::synth::{Stage, Tcp};
use crate::wire::{WireError, Writer};

/// Port, \[MS-SMB2\] section 2.1.
pub const PORT: u16 = 445;
/// SMB 3.1.1.
pub const DIALECT_311: u16 = 0x0311;
/// Messages of a chain begin at multiples of this, \[MS-SMB2\] section 3.2.4.1.4.
const CHAIN_ALIGN: usize = 8;
/// Bytes that one credit pays for, section 3.2.4.1.5.
const CREDIT_BYTES: usize = 65_536;
/// Flags of a header, section 2.2.1.2: an answer, one that will come later, signed; and the
/// priority that Windows gives to what is no file's, and to files', since 3.1.1.
const RESPONSE: u32 = 0x01;
const ASYNC: u32 = 0x02;
const SIGNED: u32 = 0x08;
const PRIORITY: u32 = 0x10;
const FILE_PRIORITY: u32 = 0x30;
/// Process identifier that Windows writes.
const PROCESS: u32 = 0xfeff;
/// Credits that a client asks for with its session, as Windows does.
const SESSION_CREDITS: u16 = 33;

/// A connection with a session that outlives the activity that opened it.
#[derive(Debug, Clone)]
pub struct Link {
    /// The connection.
    pub tcp: Tcp,
    /// Next message identifier.
    pub message_id: u64,
    /// Identifier of the session.
    pub session: u64,
    /// Dialect agreed on.
    pub dialect: u16,
    /// Whether everything behind the session setup is encrypted.
    pub is_encrypted: bool,
    /// Whether the session is set up.
    pub is_open: bool,
    /// Whether an observer knows whose session it is.
    pub is_named: bool,
    /// Trees connected: of the pipes and of SYSVOL; 0 where there is none.
    pub trees: [u32; 2],
    /// Trees connected so far.
    pub tree_count: u32,
    /// So many of them before the start, so that an observer does not know what they are.
    pub hidden_trees: u32,
    /// Files opened so far.
    pub file_count: u32,
    /// When it was last used.
    pub used: Timestamp,
}

/// A session while something is done on it.
#[derive(Debug)]
pub struct Smb {
    /// What stays.
    pub link: Link,
    /// Whose session it is.
    pub who: Who,
    /// In whose name, as far as an observer knows.
    pub principal: Option<String>,
    payload: Vec<u8>,
    body: Vec<u8>,
}

/// One message of a chain, or the only one.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Command.
    pub command: u16,
    /// Tree.
    pub tree: u32,
    /// Status of an answer.
    pub status: u32,
    /// What follows the header.
    pub body: Body<'a>,
}

/// A request on the wire.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Identifier of its first message.
    pub id: u64,
    /// When.
    pub time: Timestamp,
    /// The server has said that its answer will take a while.
    pub is_pending: bool,
}

impl Link {
    /// Nobody has seen how it began: whose session it is, and which trees there are.
    pub const fn hide(&mut self) {
        (self.tcp.is_from_before, self.is_named) = (true, false);
        self.hidden_trees = self.tree_count;
    }

    /// Whether an observer knows which share a tree is of.
    pub const fn is_tree_seen(&self, tree: u32) -> bool {
        tree > tree_id(self.hidden_trees)
    }
}

impl<'a> Message<'a> {
    /// A request, or an answer that succeeds.
    pub const fn new(command: u16, tree: u32, body: Body<'a>) -> Self {
        Self { command, tree, status: 0, body }
    }
}

impl Smb {
    /// On a connection that was just opened.
    pub fn new(tcp: Tcp, who: Who, dialect: u16, now: Timestamp) -> Self {
        let link = Link {
            tcp,
            message_id: 0,
            session: 0,
            dialect,
            is_encrypted: false,
            is_open: false,
            is_named: false,
            trees: [0; 2],
            tree_count: 0,
            hidden_trees: 0,
            file_count: 0,
            used: now,
        };
        Self { link, who, principal: None, payload: Vec::new(), body: Vec::new() }
    }

    /// On one that was kept.
    pub fn resume(link: Link, who: Who, stage: &Stage<'_>) -> Self {
        let principal = link.is_named.then(|| account(stage.cast, stage.item.client, who));
        Self { link, who, principal, payload: Vec::new(), body: Vec::new() }
    }

    /// Whether an observer can read what is said.
    pub const fn is_clear(&self) -> bool {
        !(self.link.is_encrypted && self.link.is_open)
    }

    /// A request.
    pub fn ask(&mut self, stage: &mut Stage<'_>, message: Message<'_>) -> Asked {
        self.ask_all(stage, &[message])
    }

    /// A chain of requests.
    pub fn ask_all(&mut self, stage: &mut Stage<'_>, messages: &[Message<'_>]) -> Asked {
        let id = self.link.message_id;
        let charges = messages.iter().map(|message| u64::from(charge(message)).max(1));
        self.link.message_id += charges.sum::<u64>();
        let time = self.say(stage, Side::Client, id, messages, false);
        Asked { id, time, is_pending: false }
    }

    /// Its answer.
    pub fn answer(&mut self, stage: &mut Stage<'_>, asked: Asked, message: Message<'_>) {
        self.say(stage, Side::Server, asked.id, &[message], asked.is_pending);
    }

    /// Their answers, in one chain.
    pub fn answer_all(&mut self, stage: &mut Stage<'_>, asked: Asked, messages: &[Message<'_>]) {
        self.say(stage, Side::Server, asked.id, messages, asked.is_pending);
    }

    /// Puts a chain on the wire, its identifiers from `id` on.
    fn say(
        &mut self,
        stage: &mut Stage<'_>,
        side: Side,
        id: u64,
        messages: &[Message<'_>],
        is_late: bool,
    ) -> Timestamp {
        let is_clear = self.is_clear();
        self.payload.clear();
        let mut id = id;
        for (at, message) in messages.iter().enumerate() {
            let is_last = at + 1 == messages.len();
            self.body.clear();
            let emitted = message.body.emit(&mut Writer::new(&mut self.body));
            debug_assert_eq!(emitted, Ok(()));
            if !is_last {
                self.body.resize(self.body.len().next_multiple_of(CHAIN_ALIGN), 0);
            }
            let mut header = self.header(stage, side, message, id);
            if at > 0 {
                header.flags |= FLAG_RELATED;
            }
            if is_late {
                // Its credits came with the first answer.
                header.flags |= ASYNC;
                (header.async_or_tree, header.credits) = (id.to_le_bytes(), 0);
            }
            if messages.len() > 1 {
                // As Windows spreads them: all with the last one.
                let all = u16::try_from(messages.len()).unwrap_or(u16::MAX);
                header.credits = if is_last { all } else { 0 };
            }
            if !is_last {
                let length = Header::LEN + self.body.len();
                header.next_command = u32::try_from(length).unwrap_or(u32::MAX);
            }
            let mut w = Writer::new(&mut self.payload);
            header.emit(&mut w);
            w.bytes(&self.body);
            id += u64::from(header.credit_charge).max(1);
        }
        if is_clear {
            let payload = &self.payload;
            let time = stage.say(&mut self.link.tcp, side, |w| session_message(payload, w));
            for message in messages {
                stage.told(Id::Smb2, message.command.into(), side == Side::Server);
            }
            return time;
        }
        let mut random = Random::new(stage.random.next_u64());
        let transform = transform(&mut random, self.payload.len(), self.link.session);
        random.fill(&mut self.payload);
        let payload = &self.payload;
        let time = stage.say(&mut self.link.tcp, side, |w| {
            nbss::Header::session_message(Transform::LEN + payload.len())?.emit(w);
            transform.emit(w);
            w.bytes(payload);
            Ok(())
        });
        stage.told(Id::Smb2, command::OPAQUE, side == Side::Server);
        time
    }

    fn header(
        &self,
        stage: &mut Stage<'_>,
        side: Side,
        message: &Message<'_>,
        message_id: u64,
    ) -> Header {
        let is_negotiation = message.command == command::NEGOTIATE;
        let is_setup = message.command == command::SESSION_SETUP;
        let is_response = side == Side::Server;
        // The last answer of a session setup is signed with the key it has brought.
        let is_signed = self.link.is_open || is_setup && is_response && message.status == 0;
        let mut flags = if is_response { RESPONSE } else { 0 };
        let mut signature = [0; 16];
        if is_signed && self.is_clear() {
            flags |= SIGNED;
            stage.random.fill(&mut signature);
        }
        if self.link.dialect == DIALECT_311 && !is_negotiation {
            flags |= priority(message.command);
        }
        Header {
            protocol: *b"\xfeSMB",
            structure_size: 64,
            credit_charge: charge(message),
            status: message.status,
            command: message.command,
            credits: match message.command {
                command::NEGOTIATE => u16::from(is_response),
                command::SESSION_SETUP if message.status == 0 => SESSION_CREDITS,
                _ => 1,
            },
            flags,
            next_command: 0,
            message_id,
            async_or_tree: process_and_tree(message.tree),
            session_id: self.link.session,
            signature,
        }
    }

    /// The server says that its answer will take a while, \[MS-SMB2\] section 3.3.4.2.
    pub fn pending(&mut self, stage: &mut Stage<'_>, asked: Asked, message: Message<'_>) {
        let mut header = self.header(stage, Side::Server, &message, asked.id);
        header.flags = (header.flags | ASYNC) & !SIGNED;
        header.signature = [0; 16];
        header.async_or_tree = asked.id.to_le_bytes();
        self.payload.clear();
        let mut w = Writer::new(&mut self.payload);
        header.emit(&mut w);
        let emitted = message.body.emit(&mut w);
        debug_assert_eq!(emitted, Ok(()));
        let payload = &self.payload;
        stage.say(&mut self.link.tcp, Side::Server, |w| session_message(payload, w));
        stage.told(Id::Smb2, message.command.into(), true);
    }

    /// An identifier for a file that is opened now, as Windows makes them of its tables.
    pub fn new_file(&mut self) -> [u8; 16] {
        self.link.file_count += 1;
        let count = self.link.file_count;
        let [a, b, c, d] = (0x1800 + count).to_le_bytes();
        let [e, f, g, h] = (4 * count + 1).to_le_bytes();
        [a, b, c, d, 3, 0, 0, 0, e, f, g, h, 3, 0, 0, 0]
    }

    /// An identifier for a tree that is connected now.
    pub fn new_tree(&mut self) -> u32 {
        self.link.tree_count += 1;
        tree_id(self.link.tree_count)
    }
}

/// Identifier of a session's tree of that number, counted from 1; 0 is none.
const fn tree_id(number: u32) -> u32 {
    (4 * number).saturating_sub(3)
}

/// A session message with this payload, \[MS-SMB2\] section 2.1.
fn session_message(payload: &[u8], w: &mut Writer<'_>) -> Result<(), WireError> {
    nbss::Header::session_message(payload.len())?.emit(w);
    w.bytes(payload);
    Ok(())
}

/// Header of an encrypted message, \[MS-SMB2\] section 2.2.41.
fn transform(random: &mut Random, length: usize, session_id: u64) -> Transform {
    let (mut signature, mut nonce) = ([0; 16], [0; 16]);
    random.fill(&mut signature);
    let [start @ .., _, _, _, _] = &mut nonce;
    random.fill(start);
    Transform {
        protocol: *b"\xfdSMB",
        signature,
        nonce,
        original_message_size: u32::try_from(length).unwrap_or(u32::MAX),
        reserved: 0,
        flags: 1,
        session_id,
    }
}

const fn process_and_tree(tree: u32) -> [u8; 8] {
    let ([a, b, c, d], [e, f, g, h]) = (PROCESS.to_le_bytes(), tree.to_le_bytes());
    [a, b, c, d, e, f, g, h]
}

/// Credits that a message costs, \[MS-SMB2\] section 3.2.4.1.5.
fn charge(message: &Message<'_>) -> u16 {
    let bytes = match &message.body {
        Body::ReadRequest(read) => read.length as usize,
        Body::ReadResponse(read) => read.data.0.length(),
        Body::WriteRequest(write) => write.data.0.length(),
        Body::WriteResponse(write) => write.count as usize,
        _ if message.command == command::NEGOTIATE => return 0,
        _ => 1,
    };
    u16::try_from(bytes.div_ceil(CREDIT_BYTES).max(1)).unwrap_or(u16::MAX)
}

/// Priority that Windows gives to a command.
const fn priority(of: u16) -> u32 {
    match of {
        command::CREATE
        | command::CLOSE
        | command::FLUSH
        | command::READ
        | command::WRITE
        | command::LOCK
        | command::QUERY_DIRECTORY
        | command::CHANGE_NOTIFY
        | command::QUERY_INFO
        | command::SET_INFO => FILE_PRIORITY,
        _ => PRIORITY,
    }
}
