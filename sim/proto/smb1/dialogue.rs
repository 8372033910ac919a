//! What is remembered of a connection: sessions, trees, open files, requests without an answer.

use std::fmt::{self, Display};

use super::super::gss::Handshake;
use super::super::smb2::open::{Name, Open, Transfer, What};
use super::super::smb2::status;
use super::super::smb2::table::Table;
use super::super::text::Held;
use super::super::{Context, Dialogue, Id, Kind, Observer, Outcome, Pending, Side};
use super::view::{SessionNames, Text};
use super::{FLAGS2_DFS, FLAGS2_NT_STATUS, HeaderView, Pdu, Words, command};

/// Sessions of one connection; a client has one for each of its users, ours.
const SESSIONS_MAX: usize = 16;
/// Trees, open files and requests of one connection at a time, ours.
const OTHERS_MAX: usize = 64;
/// A pipe, in bytes or messages, \[MS-CIFS\] 2.2.4.64.2.
const RESOURCE_PIPES: [u16; 2] = [1, 2];
/// Bits of a write to a pipe: the first two bytes tell the length, \[MS-CIFS\] 2.2.4.43.1.
const RAW_MESSAGE_START: u16 = 0x000c;
/// Length of the response to a challenge in LM and in NTLM; that of NTLMv2 is longer, \[MS-NLMP\]
/// 2.2.2.3, 2.2.2.6.
const NTLM_RESPONSE: u16 = 24;

/// What one connection's messages build upon.
#[derive(Debug, Default)]
pub struct Conversation {
    sessions: Table<SessionKey, Session, SESSIONS_MAX>,
    trees: Table<u16, Tree, OTHERS_MAX>,
    files: Table<u16, File, OTHERS_MAX>,
    requests: Table<(u64, u8), Request, OTHERS_MAX>,
    /// Logons and shares by request and command.
    pending: Pending<(u64, u8), OTHERS_MAX>,
    /// Where the last token of GSS-API stood.
    last: Option<Context>,
}

/// A session has no identifier before the server gives it one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SessionKey {
    /// By the request that asks for it.
    Asked(u64),
    /// By its identifier.
    Known(u16),
}

#[derive(Debug, Default)]
struct Session {
    handshake: Handshake,
    /// Who logged on without GSS-API.
    account: Held,
}

#[derive(Debug, Default)]
struct Tree {
    path: Held,
    is_pipe: bool,
}

#[derive(Debug, Default)]
struct File {
    session: u16,
    tree: u16,
    open: Open,
}

#[derive(Debug, Default)]
struct Request {
    file: u16,
    transfer: Option<Transfer>,
    name: Name,
}

/// `DOMAIN\account`.
struct Account<'a>(Option<Text<'a>>, Text<'a>);

impl Display for Account<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(domain) = self.0.filter(|domain| !domain.bytes.is_empty()) {
            write!(f, "{domain}\\")?;
        }
        self.1.fmt(f)
    }
}

impl Session {
    fn principal(&self) -> &Held {
        let known = self.handshake.principal();
        if known.is_empty() { &self.account } else { known }
    }

    fn reset(&mut self) {
        self.handshake.reset();
        self.account.clear();
    }
}

impl Dialogue for Conversation {
    fn gap(&mut self, side: Side) {
        self.files.values().for_each(|file| file.open.gap(side));
    }

    fn is_idle(&self) -> bool {
        self.pending.is_empty()
            && self.files.is_empty()
            && self.requests.is_empty()
            && self.sessions.is_empty()
    }

    fn finish(&mut self, out: &mut dyn Observer) {
        self.pending.finish(out);
        self.close_where(|_| true, out);
        let Some(context) = self.last.take() else { return };
        for session in self.sessions.values().filter(|session| session.handshake.is_pending()) {
            session.handshake.conclude(Outcome::Unanswered, None, &context, out);
        }
    }

    fn reset(&mut self) {
        self.sessions.values().for_each(Session::reset);
        self.sessions.clear();
        self.trees.clear();
        self.files.clear();
        self.requests.clear();
        self.pending.reset();
        self.last = None;
    }

    fn memory(&self) -> usize {
        let of_session = |session: &Session| session.handshake.memory() + session.account.memory();
        self.sessions.memory(of_session)
            + self.trees.memory(|tree| tree.path.memory())
            + self.files.memory(|file| file.open.memory())
            + self.requests.memory(|request| request.name.memory())
            + self.pending.memory()
    }
}

impl Conversation {
    /// Goes on with one command of a message.
    pub(super) fn hear(&mut self, pdu: &Pdu<'_>, context: &Context, out: &mut dyn Observer) {
        if pdu.header.is_response() {
            self.response(pdu, context, out);
        } else {
            self.request(pdu, context, out);
        }
    }

    fn request(&mut self, pdu: &Pdu<'_>, context: &Context, out: &mut dyn Observer) {
        let (header, key) = (pdu.header, request_of(pdu.header));
        match &pdu.words {
            Words::SessionSetupExtended(_) => {
                self.last = Some(*context);
                if let Some(SessionNames { token: Some(token), .. }) = pdu.session() {
                    self.session(header).handshake.token(token, context, out);
                }
            }
            Words::SessionSetupPlain(_) | Words::SessionSetupLanman(_) => {
                self.log_on(pdu, context, out);
            }
            Words::TreeConnectRequest(_) | Words::NoWords(_) if is_tree_connect(pdu.command) => {
                let Some(path) = pdu.tree_path() else { return };
                let what = (Kind::ShareAccess, Id::Smb1);
                let at = (context.time, context.side);
                let asked = self.pending.ask((key, pdu.command), what, at, out);
                asked.target.set(&path);
                asked.detail.set(&command::name(pdu.command.into()).unwrap_or_default());
                if let Some(session) = self.sessions.get(SessionKey::Known(header.user_id())) {
                    asked.principal.set(session.principal());
                }
            }
            Words::NtCreateRequest(_) | Words::OpenAndxRequest(_) | Words::OpenRequest(_) => {
                let Some(name) = pdu.file_name() else { return };
                let is_dfs = header.flags2() & FLAGS2_DFS != 0;
                let request = self.requests.insert((key, pdu.command));
                request.name.set(name.bytes, name.is_unicode, is_dfs);
            }
            Words::CloseRequest(words) => {
                self.requests.insert((key, pdu.command)).file = words.file
            }
            Words::ReadAndxRequest(words) => self.transfer(pdu, words.file, false, context, out),
            Words::ReadRequest(words) => self.transfer(pdu, words.file, false, context, out),
            Words::WriteAndxRequest(words) => self.transfer(pdu, words.file, true, context, out),
            Words::WriteRequest(words) => self.transfer(pdu, words.file, true, context, out),
            Words::TransactionRequest(_) => {
                let Some(pipe) = pdu.transacted_pipe() else { return };
                self.requests.insert((key, pdu.command)).file = pipe;
                let file = self.open_at(pipe, header, out);
                if file.open.what == What::Unknown {
                    file.open.what = What::Pipe; // nothing else takes this call
                }
                pass(file, pdu, context, out);
            }
            _ => {}
        }
    }

    fn response(&mut self, pdu: &Pdu<'_>, context: &Context, out: &mut dyn Observer) {
        let (header, key) = (pdu.header, request_of(pdu.header));
        let outcome = outcome(header);
        match pdu.command {
            command::SESSION_SETUP_ANDX => self.authenticated(pdu, outcome, context, out),
            command::TREE_CONNECT | command::TREE_CONNECT_ANDX => self.connected(pdu, outcome, out),
            command::NT_CREATE_ANDX | command::OPEN_ANDX | command::OPEN => self.opened(pdu, out),
            command::READ_ANDX | command::READ | command::WRITE_ANDX | command::WRITE => {
                self.transferred(pdu, outcome, context, out);
            }
            command::TRANSACTION => {
                if let Some(request) = self.requests.get((key, pdu.command))
                    && let Some(file) = self.files.get(request.file)
                {
                    pass(file, pdu, context, out);
                }
            }
            command::CLOSE => {
                let file = self.requests.remove((key, pdu.command)).map(|request| request.file);
                if let (Some(file), Outcome::Success) = (file, outcome)
                    && let Some(file) = self.files.remove(file)
                {
                    close(file, &mut self.sessions, &mut self.trees, out);
                }
            }
            command::TREE_DISCONNECT if outcome == Outcome::Success => {
                let tree = header.tree_id();
                self.close_where(|file| file.tree == tree, out);
                self.trees.remove(tree);
            }
            command::LOGOFF_ANDX if outcome == Outcome::Success => {
                let session = header.user_id();
                self.close_where(|file| file.session == session, out);
                self.sessions.remove(SessionKey::Known(session));
            }
            _ => {}
        }
    }

    /// The session that a SESSION_SETUP_ANDX is part of.
    fn session(&mut self, header: HeaderView<'_>) -> &mut Session {
        let (asked, known) =
            (SessionKey::Asked(request_of(header)), SessionKey::Known(header.user_id()));
        if header.is_response() && header.user_id() != 0 {
            self.sessions.rename(asked, known);
        }
        let key = if header.user_id() == 0 { asked } else { known };
        if self.sessions.get(key).is_none() {
            self.sessions.insert(key).reset();
        }
        self.sessions.insert(key)
    }

    /// Somebody answers the challenge of the NEGOTIATE response, or sends a password.
    fn log_on(&mut self, pdu: &Pdu<'_>, context: &Context, out: &mut dyn Observer) {
        let Some(SessionNames { account: Some(account), primary_domain, .. }) = pdu.session()
        else {
            return;
        };
        let what = (Kind::NtlmLogon, Id::Smb1);
        let key = (request_of(pdu.header), pdu.command);
        if account.bytes.is_empty() {
            return; // nobody: an anonymous session
        }
        let asked = self.pending.ask(key, what, (context.time, context.side), out);
        asked.principal.set(&Account(primary_domain, account));
        asked.detail.set(match pdu.words {
            Words::SessionSetupPlain(words) if words.unicode_password_length > NTLM_RESPONSE => {
                &"NTLMv2"
            }
            Words::SessionSetupPlain(words) if words.oem_password_length == NTLM_RESPONSE => {
                &"NTLMv1"
            }
            Words::SessionSetupLanman(words) if words.password_length == NTLM_RESPONSE => &"LM",
            _ => &"plain text",
        });
    }

    fn authenticated(
        &mut self,
        pdu: &Pdu<'_>,
        outcome: Outcome,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let (header, key) = (pdu.header, (request_of(pdu.header), pdu.command));
        let goes_on = header.status() == status::MORE_PROCESSING_REQUIRED;
        let names = pdu.session().unwrap_or_default();
        let is_plain = self.pending.get(key).is_some();
        let Self { pending, .. } = self;
        if is_plain && outcome == Outcome::Success && header.user_id() != 0 {
            let known = SessionKey::Known(header.user_id());
            let session = self.sessions.insert(known);
            session.reset();
            if let Some(asked) = pending.get(key) {
                session.account.set(&asked.principal);
            }
        }
        if !self.pending.answer(key, outcome, out) {
            let session = self.session(header);
            if let Some(token) = names.token {
                session.handshake.token(token, context, out);
            }
            if goes_on {
                return;
            }
            session.handshake.conclude(outcome, None, context, out);
        }
        if outcome != Outcome::Success {
            self.sessions.remove(SessionKey::Known(header.user_id()));
            self.sessions.remove(SessionKey::Asked(key.0));
            self.pending.forget((key.0, command::TREE_CONNECT_ANDX)); // it was chained
        }
    }

    fn connected(&mut self, pdu: &Pdu<'_>, outcome: Outcome, out: &mut dyn Observer) {
        let (header, key) = (pdu.header, (request_of(pdu.header), pdu.command));
        let session = self.sessions.get(SessionKey::Known(header.user_id()));
        if let Some(asked) = self.pending.get(key) {
            if let Some(session) = session.filter(|_| asked.principal.is_empty()) {
                asked.principal.set(session.principal());
            }
            let id = match pdu.words {
                Words::OldTreeConnectResponse(words) => words.tree,
                _ => header.tree_id(),
            };
            if outcome == Outcome::Success {
                let tree = self.trees.insert(id);
                tree.path.set(&asked.target);
                tree.is_pipe = pdu.service().is_some_and(|service| service.bytes == b"IPC");
            }
        }
        self.pending.answer(key, outcome, out);
    }

    fn opened(&mut self, pdu: &Pdu<'_>, out: &mut dyn Observer) {
        let (header, key) = (pdu.header, (request_of(pdu.header), pdu.command));
        let (id, resource, is_directory) = match pdu.words {
            Words::NtCreateResponse(words) => (words.file, words.resource, words.directory != 0),
            Words::OpenAndxResponse(words) => (words.file, words.resource, false),
            Words::OpenResponse(words) => (words.file, 0, false),
            _ => {
                self.requests.remove(key);
                return;
            }
        };
        let Self { sessions, trees, files, requests, .. } = self;
        if let Some(old) = files.remove(id) {
            close(old, sessions, trees, out);
        }
        if let Some(old) = files.evict() {
            close(old, sessions, trees, out);
        }
        let file = files.insert(id);
        let on_pipes = trees.get(header.tree_id()).is_some_and(|tree| tree.is_pipe);
        (file.session, file.tree) = (header.user_id(), header.tree_id());
        let what = match resource {
            _ if on_pipes || RESOURCE_PIPES.contains(&resource) => What::Pipe,
            _ if is_directory => What::Directory,
            _ => What::File,
        };
        let session = sessions.get(SessionKey::Known(header.user_id()));
        file.open.begin(what, session.map(|session| session.principal()));
        if let Some(request) = requests.remove(key) {
            std::mem::swap(&mut file.open.name, &mut request.name);
        }
    }

    /// Somebody wants to read or write.
    fn transfer(
        &mut self,
        pdu: &Pdu<'_>,
        id: u16,
        is_write: bool,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let request = self.requests.insert((request_of(pdu.header), pdu.command));
        let asked = Transfer::new(is_write, context);
        (request.file, request.transfer) = (id, Some(asked));
        let file = self.open_at(id, pdu.header, out);
        file.open.ask(&asked);
        if is_write {
            pass(file, pdu, context, out);
        }
    }

    /// Bytes were read or written, or not.
    fn transferred(
        &mut self,
        pdu: &Pdu<'_>,
        outcome: Outcome,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let Some(request) = self.requests.remove((request_of(pdu.header), pdu.command)) else {
            return;
        };
        let Some(asked) = request.transfer else { return };
        let Some(file) = self.files.get(request.file) else { return };
        match pdu.words {
            Words::ReadAndxResponse(_) | Words::ReadResponse(_) => {
                let length = pdu.payload().map_or(0, |(_, length)| length);
                pass(file, pdu, context, out);
                file.open.answer(&asked, Outcome::Success, length);
            }
            Words::WriteAndxResponse(words) => {
                let count = usize::from(words.count_high) << 16 | usize::from(words.count);
                file.open.answer(&asked, Outcome::Success, count);
            }
            Words::WriteResponse(words) => {
                file.open.answer(&asked, Outcome::Success, words.count.into());
            }
            _ if pdu.header.status() == status::END_OF_FILE => {
                file.open.answer(&asked, Outcome::Success, 0);
            }
            _ => file.open.answer(&asked, outcome, 0),
        }
    }

    /// An open file; one that was opened before the capture began counts from now on.
    fn open_at(&mut self, id: u16, header: HeaderView<'_>, out: &mut dyn Observer) -> &mut File {
        let Self { sessions, trees, files, .. } = self;
        if files.get(id).is_none() {
            if let Some(old) = files.evict() {
                close(old, sessions, trees, out);
            }
            let file = files.insert(id);
            (file.session, file.tree) = (header.user_id(), header.tree_id());
            let what = match trees.get(header.tree_id()) {
                Some(tree) if tree.is_pipe => What::Pipe,
                Some(_) => What::File,
                None => What::Unknown,
            };
            let session = sessions.get(SessionKey::Known(header.user_id()));
            file.open.begin(what, session.map(|session| session.principal()));
        }
        files.insert(id)
    }

    fn close_where(&mut self, mut is_it: impl FnMut(&File) -> bool, out: &mut dyn Observer) {
        let Self { sessions, trees, files, .. } = self;
        while let Some(file) = files.remove_where(&mut is_it) {
            close(file, sessions, trees, out);
        }
    }
}

/// What tells which response belongs to which request: process and multiplex identifier,
/// \[MS-CIFS\] 2.2.1.6.2.
fn request_of(header: HeaderView<'_>) -> u64 {
    let process = u64::from(header.process_high()) << 16 | u64::from(header.process_low());
    process << 16 | u64::from(header.multiplex_id())
}

fn is_tree_connect(command: u8) -> bool {
    matches!(command, command::TREE_CONNECT | command::TREE_CONNECT_ANDX)
}

/// What a response says became of its request. Codes of DOS stay as they are, without a name.
fn outcome(header: HeaderView<'_>) -> Outcome {
    let has_name = header.flags2() & FLAGS2_NT_STATUS != 0;
    Outcome::of(header.status(), |code| if has_name { status::name(code) } else { "" })
}

/// Hands the data of a message on.
fn pass(file: &mut File, pdu: &Pdu<'_>, context: &Context, out: &mut dyn Observer) {
    let Some((mut bytes, length)) = pdu.payload() else { return };
    let is_clipped = bytes.len() < length;
    if let Words::WriteAndxRequest(words) = pdu.words
        && words.mode & RAW_MESSAGE_START == RAW_MESSAGE_START
    {
        bytes = bytes.get(2..).unwrap_or_default();
    }
    file.open.pass(bytes, is_clipped, context, out);
}

/// Tells what a file was used for.
fn close(
    file: &mut File,
    sessions: &mut Table<SessionKey, Session, SESSIONS_MAX>,
    trees: &mut Table<u16, Tree, OTHERS_MAX>,
    out: &mut dyn Observer,
) {
    let session = sessions.get(SessionKey::Known(file.session));
    let principal = session.and_then(|session| session.principal().shown());
    let share = trees.get(file.tree).and_then(|tree| tree.path.shown());
    file.open.end(Id::Smb1, principal, share, out);
}
