//! Attempts to begin a session.

use super::{CONFIRM, CONNECT_INITIAL, DISCONNECT, REQUEST, View, x224};
use crate::proto::{Context, Dialogue, Hint, Id, Kind, Method, Observer, Outcome, Pending};

/// The attempt of one flow.
#[derive(Debug, Default)]
pub struct Attempt {
    waiting: Pending<(), 1>,
    /// Where the request was found, until it is answered: who asks learns that it is a name's.
    asked: Option<Context>,
    /// What the server said, while the client's name is still to come.
    confirmed: Option<Outcome>,
}

impl Attempt {
    /// Takes one message.
    pub(super) fn message(&mut self, view: &View<'_>, context: &Context, out: &mut dyn Observer) {
        match view.operation() {
            REQUEST => self.request(view, context, out),
            CONFIRM => self.confirm(view, out),
            DISCONNECT => {
                let outcome = Outcome::Failure { code: DISCONNECT.into(), name: "disconnected" };
                self.answered(true, out);
                self.waiting.answer((), outcome, out);
            }
            CONNECT_INITIAL => {
                if let Some(client) = view.client()
                    && let Some(asked) = self.waiting.get(())
                {
                    asked.add_detail(&format_args!("from {}", client.name()));
                }
                if let Some(outcome) = self.confirmed.take() {
                    self.waiting.answer((), outcome, out);
                }
            }
            _ => {}
        }
    }

    fn request(&mut self, view: &View<'_>, context: &Context, out: &mut dyn Observer) {
        let (what, at) = ((Kind::RdpAttempt, Id::Rdp), (context.time, context.side));
        let asked = self.waiting.ask((), what, at, out);
        self.asked = Some(*context);
        self.confirmed = None;
        let Some(variable) = view.variable() else { return };
        if let Some(user) = variable.user() {
            asked.principal.set(&user);
        }
        if let Some(token) = variable.token() {
            asked.target.set(&token);
        }
        // Without a negotiation the client knows nothing but standard security.
        asked.detail.set(&view.requested().unwrap_or(x224::Protocols(0)));
    }

    fn confirm(&mut self, view: &View<'_>, out: &mut dyn Observer) {
        self.answered(true, out);
        if let Some(code) = view.failure() {
            let outcome = Outcome::Failure { code, name: x224::failure_name(code) };
            self.waiting.answer((), outcome, out);
        } else if view.selected().is_none_or(|selected| selected.0 == 0) {
            self.confirmed = Some(Outcome::Success);
        } else {
            self.waiting.answer((), Outcome::Success, out);
        }
    }

    /// Tells once whether the request got an answer.
    fn answered(&mut self, was: bool, out: &mut dyn Observer) {
        if let Some(context) = self.asked.take() {
            out.hint(&context, Hint::Resolution(Method::Rdp, None, was));
        }
    }
}

impl Dialogue for Attempt {
    fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    fn finish(&mut self, out: &mut dyn Observer) {
        self.answered(false, out);
        if let Some(outcome) = self.confirmed.take() {
            self.waiting.answer((), outcome, out);
        }
        self.waiting.finish(out);
    }

    fn reset(&mut self) {
        self.waiting.reset();
        (self.asked, self.confirmed) = (None, None);
    }

    fn memory(&self) -> usize {
        self.waiting.memory()
    }
}
