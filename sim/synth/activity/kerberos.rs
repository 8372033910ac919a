//! Kerberos: logons, runs of service tickets, renewals, changes of passwords.

use crate::base::Random;
use crate::estate::{Join, Knob, PopulationKind};
use crate::proto::kerberos::{Parts, PasswordParts};
use crate::proto::{Id, Kind, Outcome};
use crate::synth::tickets::{Again, Proof, Refusal, Service, Who, cipher};
use crate::synth::{Stage, Words};

/// Port of the password protocol, RFC 3244 section 2.
const PASSWORD_PORT: u16 = 464;
/// Its version that changes one's own password, and its messages as they are counted.
const CHANGE: u16 = 1;
const PRIVATE: u32 = 21;
/// Encrypted bytes of the new password and of the result, with times and checksum. Assumed.
const NEW_PASSWORD_BYTES: usize = 150;
const RESULT_BYTES: usize = 130;
/// Of logons that fail, what else than the password is wrong, up to these shares: the account
/// is locked, its password has expired, there is none, it is disabled. Assumed.
const LOCKED: f64 = 0.08;
const EXPIRED: f64 = 0.14;
const NOBODY: f64 = 0.18;
const DISABLED: f64 = 0.20;
/// Milliseconds until a password is typed again, median and deviation of the logarithm. Assumed.
const TYPING_MS: f64 = 6_000.0;
const TYPING_SIGMA: f64 = 0.5;
/// Gaps of 0.1 s at most between messages of a client are log-uniform, as Samba's load generator
/// draws them from its model: powers of e, in seconds.
const GAP_LEAST: f64 = -10.0;
const GAP_MOST: f64 = -3.0;
/// Share of gaps in a run that are longer: up to two seconds. Assumed.
const LONG_GAPS: f64 = 0.1;
const LONG_GAP_MS: f64 = 2_000.0;
/// Share of tickets that people at desktops want, not their computers. Assumed.
const PERSON_SHARE: f64 = 0.8;
/// Classes of services of member servers and how likely each is, as a sum. Assumed.
const CLASSES: [(&str, f64); 7] = [
    ("cifs", 0.35),
    ("HTTP", 0.65),
    ("host", 0.78),
    ("MSSQLSvc", 0.86),
    ("TERMSRV", 0.92),
    ("RPCSS", 0.97),
    ("WSMAN", 1.0),
];
/// A class that no server has registered.
const UNKNOWN_CLASS: &str = "MSOLAPSvc.3";

/// A computer or person gets a ticket-granting ticket, or fails; argument: 0 the computer, 1 the person.
pub fn logon(stage: &mut Stage<'_>) {
    if stage.is_domain_controller() {
        return;
    }
    let who = if stage.item.argument == 0 { Who::Computer } else { Who::Person };
    let proof = proof(stage, who);
    if stage.random.chance(stage.knob(Knob::KerberosBadPasswordShare)) && !fail(stage, who) {
        return;
    }
    stage.log_on(who, Service::Krbtgt, proof);
}

/// A logon that fails; whether the client tries again, with success.
fn fail(stage: &mut Stage<'_>, who: Who) -> bool {
    let drawn = stage.random.unit();
    let granting = Service::Krbtgt;
    if who == Who::Person && drawn < DISABLED {
        let why = match drawn {
            ..LOCKED => Refusal::LOCKED,
            ..EXPIRED => Refusal::EXPIRED,
            ..NOBODY => Refusal::NOBODY,
            _ => Refusal::DISABLED,
        };
        if why == Refusal::EXPIRED {
            // Only who proves the old password is told that it has expired.
            stage.refuse_logon(who, granting, Proof::None, Refusal::PROVE);
            stage.refuse_logon(who, granting, Proof::Timestamp, why);
        } else {
            stage.refuse_logon(who, granting, Proof::None, why);
        }
        return false;
    }
    stage.refuse_logon(who, granting, Proof::None, Refusal::PROVE);
    stage.refuse_logon(who, granting, Proof::Timestamp, Refusal::BAD_PASSWORD);
    let pause = stage.random.lognormal(TYPING_MS, TYPING_SIGMA);
    stage.wait_ms(pause);
    who == Who::Person
}

/// What an account proves itself with, always the same: people at devices that Entra ID knows,
/// too, may have Windows Hello for Business.
fn proof(stage: &Stage<'_>, who: Who) -> Proof {
    const LABEL: u64 = 0x6865_6c6c << 32;
    let join = stage.cast.population(stage.item.client).map(|population| population.join);
    let is_able = matches!(join, Some(Join::Hybrid | Join::Entra));
    let mut random = Random::fork(stage.cast.seed, LABEL | u64::from(stage.item.client));
    let has_certificate = random.chance(stage.knob(Knob::KerberosCertificateShare));
    if who == Who::Person && is_able && has_certificate {
        Proof::Certificate
    } else {
        Proof::Timestamp
    }
}

/// A run of service tickets; argument: how many.
pub fn tickets(stage: &mut Stage<'_>) {
    if stage.is_domain_controller() {
        return;
    }
    let who = whose(stage);
    for at in 0..stage.item.argument.max(1) {
        if at > 0 {
            pause(stage);
        }
        let granting = stage.ticket(who, Service::Krbtgt);
        let server = stage.some_server();
        if stage.random.chance(stage.knob(Knob::KerberosUnknownServiceShare)) {
            stage.refuse_ticket(&granting, Service::At(server, UNKNOWN_CLASS));
            continue;
        }
        let drawn = stage.random.unit();
        let class = CLASSES.iter().find(|(_, upto)| drawn < *upto).map_or("host", |(c, _)| *c);
        stage.ask_ticket(&granting, Service::At(server, class));
    }
}

/// Who wants tickets: at servers the computer's services, else mostly the person.
fn whose(stage: &mut Stage<'_>) -> Who {
    let kind = stage.cast.population(stage.item.client).map(|population| population.kind);
    let is_server = matches!(
        kind,
        Some(
            PopulationKind::MemberServer | PopulationKind::NtlmServer | PopulationKind::Application
        )
    );
    let is_person = !is_server && stage.random.chance(PERSON_SHARE);
    if is_person { Who::Person } else { Who::Computer }
}

/// Between two questions of a run.
fn pause(stage: &mut Stage<'_>) {
    let milliseconds = if stage.random.chance(LONG_GAPS) {
        stage.random.between(100.0, LONG_GAP_MS)
    } else {
        libm::exp(stage.random.between(GAP_LEAST, GAP_MOST)) * 1_000.0
    };
    stage.wait_ms(milliseconds);
}

/// A ticket-granting ticket is renewed; argument: 0 the computer's, 1 the person's.
pub fn renewal(stage: &mut Stage<'_>) {
    if stage.is_domain_controller() {
        return;
    }
    let who = if stage.item.argument == 0 { Who::Computer } else { Who::Person };
    let granting = stage.ticket(who, Service::Krbtgt);
    stage.ask_again(&granting, Again::Renewed);
}

/// A person changes the password over kpasswd.
pub fn password(stage: &mut Stage<'_>) {
    if stage.is_domain_controller() {
        return;
    }
    let ticket = stage.ticket(Who::Person, Service::Password);
    let authentication = stage.ap_req(&ticket);
    let random = &mut stage.random;
    let body = Parts::Private(cipher(random, None, NEW_PASSWORD_BYTES)).encode();
    let request = Parts::Password(PasswordParts { version: CHANGE, authentication, body });
    let authentication = stage.ap_rep();
    let body = Parts::Private(cipher(&mut stage.random, None, RESULT_BYTES)).encode();
    let reply = Parts::Password(PasswordParts { version: CHANGE, authentication, body });
    let (flow, asked) = stage.ask_connected(PASSWORD_PORT, &request.encode(), &reply.encode());
    for is_answer in [false, true] {
        stage.told(Id::Kerberos, CHANGE.into(), is_answer);
        stage.told(Id::Kerberos, PRIVATE, false);
    }
    let cast = stage.cast;
    // The result is encrypted.
    stage.did(&flow, asked, Kind::PasswordChange, Outcome::Unknown, || Words {
        principal: ticket.principal(cast),
        target: Some(ticket.target(cast)),
        detail: Some("change password".to_owned()),
    });
}
