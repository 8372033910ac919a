//! Names outside the domain: out of the cache, or from a forwarder.

use std::net::IpAddr;

use super::cache::{AAAA_SHARE, HTTPS_SHARE, Held};
use super::exchange::{ANSWER, Asked, NXDOMAIN, SERVFAIL, exchange, finish};
use super::inside;
use super::places::{MISSING_SECONDS, Place};
use crate::estate::Knob;
use crate::proto::Outcome;
use crate::proto::dns::types::{A, AAAA, HTTPS, TXT};
use crate::proto::dns::{NameBuf, Sheet};
use crate::synth::{Peer, Stage};

/// Time until a forwarder answers, median in milliseconds, and deviation of its logarithm:
/// University of Twente saw 90 % of answers in less than 275 ms (Brandhorst and Pras 2005); a
/// forwarder has most of them in its cache. Assumed in between.
const UPSTREAM_MS: f64 = 15.0;
const UPSTREAM_SIGMA: f64 = 1.0;
/// After so long the server asks the next forwarder, in milliseconds: `ForwardingTimeout`,
/// \[MS-DNSP\] section 3.1.1.1.1.
const FORWARD_TIMEOUT_MS: f64 = 3_000.0;
/// When Windows' client asks again where nothing comes, in milliseconds after the first: it knows
/// this server alone, or one more that has its turns between. Microsoft, "DNS client resolution
/// timeouts".
const AGAIN_ALONE_MS: [f64; 3] = [1_000.0, 2_000.0, 4_000.0];
const AGAIN_IN_TURN_MS: [f64; 2] = [2_000.0, 4_000.0];
/// Share of silent forwarders after which the client is not told either. Assumed.
const NEVER_SHARE: f64 = 0.3;

/// Shares of what is missing, the rest being mistyped names outside: hosts that are gone, the
/// web proxy that is looked for, names outside to which the search list adds the domain. Assumed.
const GONE_SHARE: f64 = 0.2;
const PROXY_SHARE: f64 = 0.25;
const SUFFIX_SHARE: f64 = 0.35;

/// Ways to mistype a name.
const MISTAKES: u32 = 1 << 12;

/// A client asks for a name outside the domain; where it is not cached, the server asks a
/// forwarder.
pub fn outside(stage: &mut Stage<'_>) {
    stage.with_sheet(somebody);
}

fn somebody(stage: &mut Stage<'_>, sheet: &mut Sheet) {
    let cast = stage.cast;
    let place = cast.cache.host(&mut stage.random);
    if stage.random.chance(stage.knob(Knob::DnsTcpShare)) && !place.is_alias() {
        // A mail server reads a domain's texts, which do not fit into a datagram.
        return resolve(stage, sheet, (place, TXT), 0.0);
    }
    let drawn = stage.random.unit();
    let kind = match drawn {
        _ if drawn < AAAA_SHARE => AAAA,
        _ if drawn < AAAA_SHARE + HTTPS_SHARE => HTTPS,
        _ => A,
    };
    if cast.cache.is_rare(&mut stage.random) {
        return rare(stage, sheet, place, kind);
    }
    resolve(stage, sheet, (place, kind), 0.0);
}

/// A client asks for a name that does not exist.
pub fn missing(stage: &mut Stage<'_>) {
    let drawn = stage.random.unit();
    let kind = if stage.random.chance(AAAA_SHARE) { AAAA } else { A };
    if drawn < GONE_SHARE {
        let gone = format!("fs{:02}-old", stage.random.below(40));
        return inside::missing(stage, &gone, kind);
    }
    if drawn < GONE_SHARE + PROXY_SHARE {
        return inside::missing(stage, "wpad", A);
    }
    let place = stage.cast.cache.host(&mut stage.random);
    if drawn < GONE_SHARE + PROXY_SHARE + SUFFIX_SHARE {
        return inside::missing(stage, &place.name.name().to_string(), kind);
    }
    // Mistakes are many: hardly anybody makes the same while it is cached.
    let mistake = stage.random.below(MISTAKES);
    let Ok(name) = NameBuf::from_text(&format!("w{mistake:03x}{}", place.name.name())) else {
        return;
    };
    let held = Held { is_cached: false, left_seconds: MISSING_SECONDS };
    stage.with_sheet(|stage, sheet| {
        answer(stage, sheet, (&name, kind), (ANSWER | NXDOMAIN, held), |sheet| {
            place.put_soa(sheet, held.left_seconds);
        });
    });
}

/// A client asks for records of a host outside, for each of which `more` questions a second come
/// than usual.
pub fn resolve(stage: &mut Stage<'_>, sheet: &mut Sheet, (place, kind): (&Place, u16), more: f64) {
    let held = stage.cast.cache.held(place, kind, more, stage.now());
    let turn = stage.random.below(4);
    let fill = |sheet: &mut Sheet| place.put(sheet, (&place.name, kind), turn, held.left_seconds);
    answer(stage, sheet, (&place.name, kind), (ANSWER, held), fill);
}

/// A client asks for a host with a number, as content networks and trackers give them to each
/// visitor: nobody has asked for it before.
fn rare(stage: &mut Stage<'_>, sheet: &mut Sheet, place: &Place, kind: u16) {
    let number = stage.random.below(u32::MAX);
    let Ok(name) = NameBuf::from_text(&format!("{number:08x}.{}", place.name.name())) else {
        return;
    };
    let held = Held { is_cached: false, left_seconds: place.life_seconds(kind) };
    let turn = stage.random.below(4);
    let fill = |sheet: &mut Sheet| place.put(sheet, (&name, kind), turn, held.left_seconds);
    answer(stage, sheet, (&name, kind), (ANSWER, held), fill);
}

/// The client asks; the server answers out of its cache, or of what a forwarder says.
fn answer(
    stage: &mut Stage<'_>,
    sheet: &mut Sheet,
    (name, kind): (&NameBuf, u16),
    (flags, held): (u16, Held),
    fill: impl Fn(&mut Sheet),
) {
    let Some(forwarder) = forwarder(stage).filter(|_| !held.is_cached) else {
        return exchange(stage, sheet, (name, kind), flags, fill);
    };
    let mut asked = Asked::by_client(stage, name, kind);
    asked.ask(stage, sheet);
    if stage.random.chance(stage.knob(Knob::DnsUnansweredShare)) {
        return silence(stage, sheet, asked, forwarder, (name, kind));
    }
    let round_trip_ns = upstream_ns(stage);
    let mut upstream = Asked::by_server(stage, forwarder, round_trip_ns, name, kind);
    upstream.ask(stage, sheet);
    upstream.answer(stage, sheet, flags, &fill);
    finish(asked, stage, sheet, flags, fill);
}

/// No forwarder answers: the server asks twice, the client asks again, and at last it is told
/// that the server failed, or nothing.
fn silence(
    stage: &mut Stage<'_>,
    sheet: &mut Sheet,
    mut asked: Asked<'_>,
    forwarder: Peer,
    (name, kind): (&NameBuf, u16),
) {
    let begin = stage.now();
    let since = |stage: &Stage<'_>| stage.now().since(begin) as f64 / 1e6;
    let until = |stage: &mut Stage<'_>, ms: f64| {
        let left = ms - since(stage);
        stage.wait_ms(left.max(0.0));
    };
    let again: &[f64] = if is_alone(stage) { &AGAIN_ALONE_MS } else { &AGAIN_IN_TURN_MS };
    let mut upstream = Asked::by_server(stage, forwarder, 0, name, kind);
    upstream.ask(stage, sheet);
    let mut second = Asked::by_server(stage, forwarder, 0, name, kind);
    let (before, behind) = again.split_at(again.len() - 1);
    for ms in before {
        until(stage, *ms);
        asked.ask(stage, sheet);
    }
    until(stage, FORWARD_TIMEOUT_MS);
    second.ask(stage, sheet);
    for ms in behind {
        until(stage, *ms);
        asked.ask(stage, sheet);
    }
    upstream.conclude(stage, Outcome::Unanswered);
    second.conclude(stage, Outcome::Unanswered);
    if stage.random.chance(NEVER_SHARE) {
        return asked.conclude(stage, Outcome::Unanswered);
    }
    until(stage, 2.0 * FORWARD_TIMEOUT_MS);
    asked.answer(stage, sheet, ANSWER | SERVFAIL, |_| {});
}

/// Whether clients of the site have no other server to ask.
fn is_alone(stage: &Stage<'_>) -> bool {
    let site = stage.cast.client(stage.item.client).site as usize;
    let estate = &stage.cast.estate;
    let served_by = estate.sites().get(site).map(|site| site.served_by);
    let all = estate.domain_controllers().iter();
    all.filter(|dc| dc.roles.dns && dc.site == served_by).count() < 2
}

/// A forwarder of the estate.
fn forwarder(stage: &Stage<'_>) -> Option<Peer> {
    let cast = stage.cast;
    cast.estate.network().forwarders.iter().find_map(|address| match address {
        IpAddr::V4(v4) => Some(cast.peer(*v4)),
        IpAddr::V6(_) => None,
    })
}

#[expect(clippy::cast_possible_truncation, reason = "seconds at most")]
fn upstream_ns(stage: &mut Stage<'_>) -> i64 {
    (stage.random.lognormal(UPSTREAM_MS, UPSTREAM_SIGMA) * 1e6) as i64
}
