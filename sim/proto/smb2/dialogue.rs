//! What is remembered of a connection: sessions, trees, open files, requests without an answer.

use super::super::gss::Handshake;
use super::super::text::{Held, Utf16};
use super::super::{Context, Dialogue, Id, Kind, Observer, Outcome, Pending, Side};
use super::body::{ATTRIBUTE_DIRECTORY, FileId, PIPE_TRANSCEIVE, RELATED_FILE, SHARE_PIPE};
use super::open::{Name, Open, Transfer, What};
use super::table::Table;
use super::{Body, FLAG_DFS, FLAG_RELATED, HeaderView, Pdu, command, status};

/// Sessions of one connection; a client has one for each of its users, ours.
const SESSIONS_MAX: usize = 16;
/// Trees, open files and requests of one connection at a time, ours.
const OTHERS_MAX: usize = 64;
/// Stands for the session of the message before, \[MS-SMB2\] 3.3.5.2.7.2.
const RELATED_SESSION: u64 = u64::MAX;

/// What one connection's messages build upon.
#[derive(Debug, Default)]
pub struct Conversation {
    sessions: Table<SessionKey, Handshake, SESSIONS_MAX>,
    trees: Table<TreeKey, Tree, OTHERS_MAX>,
    files: Table<FileId, File, OTHERS_MAX>,
    /// By message identifier.
    requests: Table<u64, Request, OTHERS_MAX>,
    /// Shares that are being connected, by message identifier.
    pending: Pending<u64, OTHERS_MAX>,
    /// Where the last SESSION_SETUP request stood.
    last: Option<Context>,
}

/// A session has no identifier before the server gives it one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SessionKey {
    /// By the message that asks for it.
    Asked(u64),
    /// By its identifier.
    Known(u64),
}

/// Session and tree identifier.
type TreeKey = (u64, u32);

#[derive(Debug, Default)]
struct Tree {
    session: u64,
    path: Held,
    is_pipe: bool,
}

#[derive(Debug, Default)]
struct File {
    tree: TreeKey,
    open: Open,
}

/// Which file a message is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum FileRef {
    #[default]
    None,
    Known(FileId),
    /// What the CREATE with this message identifier will open.
    Created(u64),
}

#[derive(Debug, Default)]
struct Request {
    transfer: Option<Transfer>,
    tree: TreeKey,
    file: FileRef,
    name: Name,
}

/// What related messages of a chain inherit, \[MS-SMB2\] 3.3.5.2.7.2.
#[derive(Debug, Default)]
pub(super) struct Chain {
    tree: TreeKey,
    file: FileRef,
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
        for handshake in self.sessions.values().filter(|handshake| handshake.is_pending()) {
            handshake.conclude(Outcome::Unanswered, None, &context, out);
        }
    }

    fn reset(&mut self) {
        self.sessions.values().for_each(Handshake::reset);
        self.sessions.clear();
        self.trees.clear();
        self.files.clear();
        self.requests.clear();
        self.pending.reset();
        self.last = None;
    }

    fn memory(&self) -> usize {
        self.sessions.memory(Handshake::memory)
            + self.trees.memory(|tree| tree.path.memory())
            + self.files.memory(|file| file.open.memory())
            + self.requests.memory(|request| request.name.memory())
            + self.pending.memory()
    }
}

impl Conversation {
    /// Goes on with one message of a chain.
    pub(super) fn hear(
        &mut self,
        pdu: &Pdu<'_>,
        chain: &mut Chain,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        if !pdu.header.is_response() {
            self.request(pdu, chain, context, out);
        } else if pdu.header.status() != status::PENDING {
            self.response(pdu, context, out);
        }
    }

    fn request(
        &mut self,
        pdu: &Pdu<'_>,
        chain: &mut Chain,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let (header, id) = (pdu.header, pdu.header.message_id());
        if header.flags() & FLAG_RELATED == 0 || header.session_id() != RELATED_SESSION {
            chain.tree = (header.session_id(), header.tree_id().unwrap_or_default());
        }
        match &pdu.body {
            Body::SessionSetupRequest(body) => {
                self.last = Some(*context);
                self.handshake(header).token(body.token.0.bytes, context, out);
            }
            Body::TreeConnectRequest(body) => {
                let path = body.path.0.whole().unwrap_or_default();
                self.connect(id, chain.tree.0, path, context, out);
            }
            Body::CreateRequest(body) => {
                chain.file = FileRef::Created(id);
                let is_dfs = header.flags() & FLAG_DFS != 0;
                let request = self.ask(id, chain.tree, chain.file, None);
                request.name.set(body.name.0.whole().unwrap_or_default(), true, is_dfs);
            }
            Body::CloseRequest(body) => {
                let file = chain.file_of(body.file);
                self.ask(id, chain.tree, file, None);
            }
            Body::ReadRequest(body) => {
                let (file, asked) = (chain.file_of(body.file), Transfer::new(false, context));
                self.ask(id, chain.tree, file, Some(asked));
                if let Some(file) = self.open_at(file, chain.tree, out) {
                    file.open.ask(&asked);
                }
            }
            Body::WriteRequest(body) => {
                let (file, asked) = (chain.file_of(body.file), Transfer::new(true, context));
                self.ask(id, chain.tree, file, Some(asked));
                if let Some(file) = self.open_at(file, chain.tree, out) {
                    let data = body.data.0;
                    file.open.pass(data.bytes, data.is_clipped(), context, out);
                    file.open.ask(&asked);
                }
            }
            Body::IoctlRequest(body) if body.code == PIPE_TRANSCEIVE => {
                let file = chain.file_of(body.file);
                self.transceive(file, chain.tree, body.input.0, context, out);
            }
            _ => {}
        }
    }

    fn response(&mut self, pdu: &Pdu<'_>, context: &Context, out: &mut dyn Observer) {
        let (header, id) = (pdu.header, pdu.header.message_id());
        let outcome = Outcome::of(header.status(), status::name);
        match header.command() {
            command::SESSION_SETUP => self.authenticated(pdu, outcome, context, out),
            command::TREE_CONNECT => self.connected(pdu, outcome, out),
            command::CREATE => self.opened(pdu, out),
            command::READ | command::WRITE => self.transferred(pdu, outcome, context, out),
            command::CLOSE => {
                let file = self.requests.remove(id).map(|request| request.file);
                if let (Some(FileRef::Known(file)), Outcome::Success) = (file, outcome)
                    && let Some(file) = self.files.remove(file)
                {
                    close(file, &mut self.sessions, &mut self.trees, out);
                }
            }
            command::IOCTL => {
                if let Body::IoctlResponse(body) = &pdu.body
                    && body.code == PIPE_TRANSCEIVE
                {
                    let tree = (header.session_id(), header.tree_id().unwrap_or_default());
                    let file = FileRef::Known(body.file);
                    self.transceive(file, tree, body.output.0, context, out);
                }
            }
            command::TREE_DISCONNECT if outcome == Outcome::Success => {
                let tree = (header.session_id(), header.tree_id().unwrap_or_default());
                self.close_where(|file| file.tree == tree, out);
                self.trees.remove(tree);
            }
            command::LOGOFF if outcome == Outcome::Success => {
                let session = header.session_id();
                self.close_where(|file| file.tree.0 == session, out);
                while self.trees.remove_where(|tree| tree.session == session).is_some() {}
                if let Some(handshake) = self.sessions.remove(SessionKey::Known(session)) {
                    handshake.reset();
                }
            }
            _ => {}
        }
    }

    /// Remembers a request; all but its name is set.
    fn ask(
        &mut self,
        id: u64,
        tree: TreeKey,
        file: FileRef,
        transfer: Option<Transfer>,
    ) -> &mut Request {
        let request = self.requests.insert(id);
        (request.transfer, request.tree, request.file) = (transfer, tree, file);
        request
    }

    /// The authentication that a SESSION_SETUP is part of.
    fn handshake(&mut self, header: HeaderView<'_>) -> &mut Handshake {
        let (session, id) = (header.session_id(), header.message_id());
        let known = SessionKey::Known(session);
        let key = if session == 0 { SessionKey::Asked(id) } else { known };
        if header.is_response() && session != 0 {
            self.sessions.rename(SessionKey::Asked(id), known);
        }
        if self.sessions.get(key).is_none() {
            self.sessions.insert(key).reset();
        }
        self.sessions.insert(key)
    }

    fn authenticated(
        &mut self,
        pdu: &Pdu<'_>,
        outcome: Outcome,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let handshake = self.handshake(pdu.header);
        if let Body::SessionSetupResponse(body) = &pdu.body {
            handshake.token(body.token.0.bytes, context, out);
        }
        if pdu.header.status() == status::MORE_PROCESSING_REQUIRED {
            return;
        }
        handshake.conclude(outcome, None, context, out);
        if outcome != Outcome::Success {
            let (session, id) = (pdu.header.session_id(), pdu.header.message_id());
            self.sessions.remove(SessionKey::Known(session));
            self.sessions.remove(SessionKey::Asked(id));
        }
    }

    fn connect(
        &mut self,
        id: u64,
        session: u64,
        path: &[u8],
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let what = (Kind::ShareAccess, Id::Smb2);
        let asked = self.pending.ask(id, what, (context.time, context.side), out);
        asked.target.set(&Utf16(path));
        asked.detail.set(&"TREE_CONNECT");
        if let Some(handshake) = self.sessions.get(SessionKey::Known(session)) {
            asked.principal.set(handshake.principal());
        }
    }

    fn connected(&mut self, pdu: &Pdu<'_>, outcome: Outcome, out: &mut dyn Observer) {
        let (header, id) = (pdu.header, pdu.header.message_id());
        if let (Body::TreeConnectResponse(body), Some(tree_id)) = (&pdu.body, header.tree_id()) {
            let tree = self.trees.insert((header.session_id(), tree_id));
            tree.session = header.session_id();
            tree.is_pipe = body.share_type == SHARE_PIPE;
            tree.path.clear();
            if let Some(asked) = self.pending.get(id) {
                tree.path.set(&asked.target);
            }
        }
        self.pending.answer(id, outcome, out);
    }

    fn opened(&mut self, pdu: &Pdu<'_>, out: &mut dyn Observer) {
        let id = pdu.header.message_id();
        let Self { sessions, trees, files, requests, .. } = self;
        let Some(request) = requests.remove(id) else { return };
        let Body::CreateResponse(body) = &pdu.body else { return };
        if let Some(old) = files.remove(body.file) {
            close(old, sessions, trees, out);
        }
        if let Some(old) = files.evict() {
            close(old, sessions, trees, out);
        }
        let file = files.insert(body.file);
        let what = match trees.get(request.tree) {
            Some(tree) if tree.is_pipe => What::Pipe,
            _ if body.attributes & ATTRIBUTE_DIRECTORY != 0 => What::Directory,
            Some(_) => What::File,
            None => What::Unknown,
        };
        file.tree = request.tree;
        let session = sessions.get(SessionKey::Known(request.tree.0));
        file.open.begin(what, session.map(|handshake| handshake.principal()));
        std::mem::swap(&mut file.open.name, &mut request.name);
        for later in requests.values().filter(|later| later.file == FileRef::Created(id)) {
            later.file = FileRef::Known(body.file);
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
        let Some(request) = self.requests.remove(pdu.header.message_id()) else { return };
        let (Some(asked), FileRef::Known(file)) = (request.transfer, request.file) else { return };
        let Some(File { open, .. }) = self.files.get(file) else { return };
        match &pdu.body {
            Body::ReadResponse(body) => {
                let data = body.data.0;
                open.pass(data.bytes, data.is_clipped(), context, out);
                open.answer(&asked, Outcome::Success, data.length());
            }
            Body::WriteResponse(body) => {
                open.answer(&asked, Outcome::Success, body.count as usize);
            }
            _ if pdu.header.status() == status::END_OF_FILE => {
                open.answer(&asked, Outcome::Success, 0);
            }
            _ => open.answer(&asked, outcome, 0),
        }
    }

    /// Bytes are written to a pipe and read from it in one exchange.
    fn transceive(
        &mut self,
        file: FileRef,
        tree: TreeKey,
        data: super::part::Buffer<'_>,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        if let Some(file) = self.open_at(file, tree, out) {
            if file.open.what == What::Unknown {
                file.open.what = What::Pipe; // nothing else takes this call
            }
            file.open.pass(data.bytes, data.is_clipped(), context, out);
        }
    }

    /// An open file; one that was opened before the capture began counts from now on.
    fn open_at(
        &mut self,
        file: FileRef,
        tree: TreeKey,
        out: &mut dyn Observer,
    ) -> Option<&mut File> {
        let FileRef::Known(id) = file else { return None };
        let Self { sessions, trees, files, .. } = self;
        if files.get(id).is_none() {
            if let Some(old) = files.evict() {
                close(old, sessions, trees, out);
            }
            let file = files.insert(id);
            file.tree = tree;
            let what = match trees.get(tree) {
                Some(tree) if tree.is_pipe => What::Pipe,
                Some(_) => What::File,
                None => What::Unknown,
            };
            let session = sessions.get(SessionKey::Known(tree.0));
            file.open.begin(what, session.map(|handshake| handshake.principal()));
        }
        files.get(id)
    }

    fn close_where(&mut self, mut is_it: impl FnMut(&File) -> bool, out: &mut dyn Observer) {
        let Self { sessions, trees, files, .. } = self;
        while let Some(file) = files.remove_where(&mut is_it) {
            close(file, sessions, trees, out);
        }
    }
}

impl Chain {
    fn file_of(&mut self, file: FileId) -> FileRef {
        if file != RELATED_FILE {
            self.file = FileRef::Known(file);
        }
        self.file
    }
}

/// Tells what a file was used for.
fn close(
    file: &mut File,
    sessions: &mut Table<SessionKey, Handshake, SESSIONS_MAX>,
    trees: &mut Table<TreeKey, Tree, OTHERS_MAX>,
    out: &mut dyn Observer,
) {
    let session = sessions.get(SessionKey::Known(file.tree.0));
    let principal = session.and_then(|handshake| handshake.principal().shown());
    let share = trees.get(file.tree).and_then(|tree| tree.path.shown());
    file.open.end(Id::Smb2, principal, share, out);
}
