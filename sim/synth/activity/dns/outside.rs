//! Names outside the domain: out of the cache, or from a forwarder.

use std::net::IpAddr;

use super::exchange::{ANSWER, Asked, NXDOMAIN, SERVFAIL, exchange, finish};
use super::inside;
use super::places::{MANAGED, Place, WEB, place};
use crate::estate::Knob;
use crate::proto::Outcome;
use crate::proto::dns::types::{A, AAAA, HTTPS, TXT};
use crate::proto::dns::{NameBuf, Sheet};
use crate::synth::{Peer, Stage};

/// Shares of the types asked for, the others being A: assumed, from one AAAA for each two A and
/// browsers that ask for HTTPS.
const AAAA_SHARE: f64 = 0.3;
const HTTPS_SHARE: f64 = 0.1;
/// Share of outside names that Windows itself and its services want. Assumed.
const SERVICES_SHARE: f64 = 0.35;

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

/// A client asks for a name outside the domain; where it is not cached, the server asks a
/// forwarder.
pub fn outside(stage: &mut Stage<'_>) {
    stage.with_sheet(somebody);
}

fn somebody(stage: &mut Stage<'_>, sheet: &mut Sheet) {
    let place = somewhere(stage);
    if stage.random.chance(stage.knob(Knob::DnsTcpShare)) && !place.is_alias() {
        // A mail server reads a domain's texts, which do not fit into a datagram.
        return resolve(stage, sheet, place, TXT);
    }
    let drawn = stage.random.unit();
    let kind = match drawn {
        _ if drawn < AAAA_SHARE => AAAA,
        _ if drawn < AAAA_SHARE + HTTPS_SHARE => HTTPS,
        _ => A,
    };
    resolve(stage, sheet, place, kind);
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
    let place = somewhere(stage);
    if drawn < GONE_SHARE + PROXY_SHARE + SUFFIX_SHARE {
        return inside::missing(stage, &place.name.name().to_string(), kind);
    }
    let mistyped = format!("w{}", place.name.name());
    let Ok(name) = NameBuf::from_text(&mistyped) else { return };
    stage.with_sheet(|stage, sheet| {
        answer(stage, sheet, (&name, kind), ANSWER | NXDOMAIN, |sheet| place.put_soa(sheet));
    });
}

/// A client asks for records of a host outside.
pub fn resolve(stage: &mut Stage<'_>, sheet: &mut Sheet, place: &Place, kind: u16) {
    // What is left of a time to live, in the cache here or at the forwarder.
    let left = 1 + stage.random.below(place.ttl_seconds);
    let turn = stage.random.below(4);
    let fill = |sheet: &mut Sheet| place.put(sheet, kind, turn, left);
    answer(stage, sheet, (&place.name, kind), ANSWER, fill);
}

/// Some host outside.
fn somewhere(stage: &mut Stage<'_>) -> &'static Place {
    if stage.random.chance(SERVICES_SHARE) {
        return place(*popular(stage));
    }
    let rank = rank(stage, WEB.len());
    WEB.get(rank).or(WEB.first()).expect("the web is not empty")
}

/// Index of some endpoint of managed devices.
pub fn popular(stage: &mut Stage<'_>) -> &'static u16 {
    let rank = rank(stage, MANAGED.popular.len());
    MANAGED.popular.get(rank).unwrap_or(&0)
}

/// The first of `count` far more often than the last: by Zipf's law with exponent 1, as requests
/// for pages of the web were found to follow (Breslau et al. 1999).
fn rank(stage: &mut Stage<'_>, count: usize) -> usize {
    stage.random.zipf(u32::try_from(count).unwrap_or(u32::MAX)) as usize
}

/// The client asks; the server answers out of its cache, or of what a forwarder says.
fn answer(
    stage: &mut Stage<'_>,
    sheet: &mut Sheet,
    (name, kind): (&NameBuf, u16),
    flags: u16,
    fill: impl Fn(&mut Sheet),
) {
    let is_forwarded = stage.random.chance(stage.knob(Knob::DnsForwardedShare));
    let Some(forwarder) = forwarder(stage).filter(|_| is_forwarded) else {
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

/// A forwarder of the estate. It lies behind the router, whose address is made of its own.
fn forwarder(stage: &mut Stage<'_>) -> Option<Peer> {
    let all = &stage.cast.estate.network().forwarders;
    let of_ours = all.iter().filter_map(|address| match address {
        IpAddr::V4(v4) => Some(*v4),
        IpAddr::V6(_) => None,
    });
    let v4 = of_ours.clone().next()?;
    let [a, b, c, d] = v4.octets();
    Some(Peer { address: v4.into(), mac: [0x02, 0x48, a, b, c, d] })
}

#[expect(clippy::cast_possible_truncation, reason = "seconds at most")]
fn upstream_ns(stage: &mut Stage<'_>) -> i64 {
    (stage.random.lognormal(UPSTREAM_MS, UPSTREAM_SIGMA) * 1e6) as i64
}
