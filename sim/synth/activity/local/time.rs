//! The time, as members of a domain ask for it: \[MS-SNTP\].

use std::net::IpAddr;

use crate::proto::ntp::{Authenticator, Header, MODE_CLIENT, MODE_SERVER, Packet};
use crate::proto::{Id, Kind, Outcome, Side};
use crate::synth::{Stage, Words};
use crate::wire::Writer;

/// Port of NTP, RFC 5905 section 7.2; Windows' client asks from it, too.
const PORT: u16 = 123;
/// Version that Windows speaks.
const VERSION: u8 = 3;
/// Clock not synchronised, RFC 5905 section 7.3.
const UNSYNCHRONISED: u8 = 3;
/// Share of requests of clocks that have not been set yet. Assumed.
const UNSYNCHRONISED_SHARE: f64 = 0.15;
/// Share of requests with the extended authenticator, 120 bytes instead of 68. Assumed.
const EXTENDED_SHARE: f64 = 0.1;
/// Digest behind the key identifier, in bytes: \[MS-SNTP\] sections 2.2.1 and 2.2.3.
const DIGEST: usize = 16;
const EXTENDED_DIGEST: usize = 68;
/// Relative identifiers of accounts that people and computers get begin behind this one,
/// \[MS-SAMR\] section 3.1.1.9.2.
const RELATIVE_ID_BASE: u32 = 1_104;
/// Between 1900 and 1970, in seconds (RFC 5905 section 6).
const SECONDS_FROM_1900: u64 = 2_208_988_800;
/// Precision of Windows' clock as a power of two in seconds: 15.6 ms is reported as 2^-23.
const PRECISION: i8 = -23;
/// Power of two in seconds between requests of a member: 2^10 to 2^15 (`MinPollInterval`,
/// `MaxPollInterval`).
const POLL_MIN: i8 = 10;
const POLLS: u32 = 6;
/// Accuracy of the clock of a client, in nanoseconds. Assumed.
const OFFSET_NS: f64 = 20e6;

/// A client asks for the time, as MS-SNTP does: signed with its password.
pub fn time(stage: &mut Stage<'_>) {
    let mut flow = stage.to_dc(PORT);
    flow.client_port = PORT;
    let relative_id = RELATIVE_ID_BASE + stage.item.client;
    let is_extended = stage.random.chance(EXTENDED_SHARE);
    let length = if is_extended { EXTENDED_DIGEST } else { DIGEST };
    let key = relative_id.to_le_bytes();
    let empty = [0; EXTENDED_DIGEST];
    let is_set = !stage.random.chance(UNSYNCHRONISED_SHARE);
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds")]
    let offset = stage.random.normal(0.0, OFFSET_NS) as i64;
    let sent = stamp(stage.now().nanos() + offset);
    let poll = POLL_MIN + i8::try_from(stage.random.below(POLLS)).unwrap_or(0);
    let (stratum, source) = source(stage);
    let reference_id = match stage.cast.dc_v4.address {
        IpAddr::V4(v4) if is_set => v4.octets(),
        _ => [0; 4],
    };
    let leap = if is_set { 0 } else { UNSYNCHRONISED };
    let request = Header {
        leap_version_mode: leap << 6 | VERSION << 3 | MODE_CLIENT,
        stratum: if is_set { stratum + 1 } else { 0 },
        poll,
        precision: PRECISION,
        root_delay: if is_set { 0x800 } else { 0 },
        root_dispersion: 0x1_03fe,
        reference_id,
        reference_time: if is_set { sent.wrapping_sub(1_024 << 32) } else { 0 },
        origin_time: 0,
        receive_time: 0,
        transmit_time: sent,
    };
    let asked = stage.datagram(&mut flow, Side::Client, |w| {
        emit(request, key, empty.get(..length).unwrap_or_default(), w);
        Ok(())
    });
    stage.told(Id::Ntp, MODE_CLIENT.into(), false);
    let mut signature = [0; EXTENDED_DIGEST];
    stage.random.fill(&mut signature);
    let received = stamp(asked.nanos());
    let answer = Header {
        leap_version_mode: VERSION << 3 | MODE_SERVER,
        stratum,
        root_delay: 0x0a3d,
        root_dispersion: 0x2b11,
        reference_id: source,
        reference_time: received.wrapping_sub(300 << 32),
        origin_time: sent,
        receive_time: received,
        transmit_time: received.wrapping_add(1 << 18),
        ..request
    };
    stage.datagram(&mut flow, Side::Server, |w| {
        emit(answer, key, signature.get(..length).unwrap_or_default(), w);
        Ok(())
    });
    stage.told(Id::Ntp, MODE_SERVER.into(), true);
    stage.did(&flow, asked, Kind::TimeRequest, Outcome::Success, || Words {
        detail: Some(format!("client signed for RID {relative_id}")),
        ..Words::default()
    });
}

/// Stratum and source of the domain controller's clock: the PDC emulator's own, which is that of
/// all others.
fn source(stage: &Stage<'_>) -> (u8, [u8; 4]) {
    let cast = stage.cast;
    let controllers = cast.estate.domain_controllers();
    let pdc = controllers.iter().position(|dc| dc.roles.pdc_emulator);
    let source = pdc.filter(|pdc| *pdc != cast.dc).and_then(|pdc| controllers.get(pdc));
    let address = source.and_then(|dc| {
        dc.addresses.iter().find_map(|address| match address {
            IpAddr::V4(v4) => Some(v4.octets()),
            IpAddr::V6(_) => None,
        })
    });
    address.map_or((1, *b"LOCL"), |address| (2, address))
}

fn emit(header: Header, key: [u8; 4], digest: &[u8], w: &mut Writer<'_>) {
    let authenticator = Some(Authenticator { key, digest });
    Packet::Time { header, extensions: &[], authenticator }.emit(w);
}

/// A time in 2^-32 seconds since 1900, RFC 5905 section 6.
fn stamp(nanos: i64) -> u64 {
    let nanos = u64::try_from(nanos).unwrap_or(0);
    let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    ((seconds + SECONDS_FROM_1900) << 32) | ((rest << 32) / 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_count_from_1900() {
        assert_eq!(stamp(0), 2_208_988_800 << 32);
        assert_eq!(stamp(1_500_000_000), 2_208_988_801 << 32 | 1 << 31);
    }
}
