//! Laws of what the network shows, for random conversations under random conditions.

mod datagrams;
mod shapes;
mod trace;

use proptest::prelude::*;
use trace::Trace;

use super::frames::Frames;
use super::{Close, Conditions, Flow, Tcp};
use crate::base::{Random, Timestamp};
use crate::estate::Estate;
use crate::proto::Side;
use crate::synth::stage::Props;
use crate::synth::{Activity, Cast, Item, Memory, Peer, Stage, Truth};

const CALM: Conditions = Conditions {
    mtu_bytes: 1_500,
    segment_bytes_max: None,
    loss: 0.0,
    reordering: 0.0,
    offload: false,
};

/// One step of a conversation.
#[derive(Debug, Clone, Copy)]
enum Step {
    Say(Side, usize),
    WaitMs(f64),
    /// The item ends, and another goes on with the connection after milliseconds.
    Later(f64),
    KeepAlive(Side),
}

/// A conversation.
#[derive(Debug, Clone)]
struct Script {
    flow: Flow,
    conditions: Conditions,
    steps: Vec<Step>,
    close: Option<Close>,
    seed: u64,
}

/// What a conversation was.
struct Played {
    frames: Frames,
    /// Bytes of the client and of the server.
    said: [Vec<u8>; 2],
}

fn cast() -> Cast {
    let text = "calibration = \"light\"\n[forest]\ndns_name = \"corp.example\"\nnetbios_name = \"CORP\"\n\
        [[site]]\nname = \"Here\"\ntime_zone = \"UTC\"\nsubnet = \"10.1.0.0/16\"\n\
        [[domain_controller]]\nname = \"DC01\"\naddresses = [\"10.1.0.1\"]\nsite = \"Here\"\n";
    Cast::new(&Estate::parse(text, "test.toml").unwrap(), None, &[], 1).unwrap()
}

fn play(script: &Script) -> Played {
    let cast = cast();
    let (mut out, mut truth, mut later, mut scratch) =
        (Frames::default(), Truth::default(), Vec::new(), Vec::new());
    let mut memory = Memory::default();
    let mut said = [Vec::new(), Vec::new()];
    let mut tcp = None::<Tcp>;
    let mut time = Timestamp::from_parts(1_768_204_800, 0);
    let mut items = script.steps.split(|step| matches!(step, Step::Later(_)));
    let mut pauses = script.steps.iter().filter_map(|step| match step {
        Step::Later(ms) => Some(*ms),
        _ => None,
    });
    let mut random = Random::new(script.seed);
    let mut next = items.next();
    while let Some(steps) = next {
        next = items.next();
        let variation = random.next_u64();
        let item = Item { time, client: 0, activity: Activity::DnsLookup, argument: 0, variation };
        let props = Props {
            out: &mut out,
            truth: &mut truth,
            later: &mut later,
            scratch: &mut scratch,
            memory: &mut memory,
            start: 0,
            sheet: &mut crate::proto::dns::Sheet::default(),
        };
        let mut stage = Stage::new(&cast, &script.conditions, item, props);
        let mut tcp_now = tcp.unwrap_or_else(|| stage.connect(script.flow));
        for step in steps {
            match *step {
                Step::Say(side, length) => {
                    let mut bytes = vec![0; length];
                    random.fill(&mut bytes);
                    stage.say(&mut tcp_now, side, |w| {
                        w.bytes(&bytes);
                        Ok(())
                    });
                    said[side as usize].extend(bytes);
                }
                Step::WaitMs(ms) => stage.wait_ms(ms),
                Step::KeepAlive(side) => stage.keep_alive(&mut tcp_now, side),
                Step::Later(_) => {}
            }
        }
        if let (None, Some(close)) = (&next, script.close) {
            stage.close(tcp_now, close);
        }
        tcp = Some(tcp_now);
        stage.wait_ms(pauses.next().unwrap_or(0.0));
        time = stage.now();
        stage.finish();
    }
    Played { frames: out, said }
}

#[expect(clippy::cast_possible_truncation, reason = "milliseconds of tests")]
fn flow(is_v6: bool, here: Side, vlan: Option<u16>, server_port: u16, trip_ms: f64) -> Flow {
    let peer = |last: u8| Peer {
        address: if is_v6 {
            std::net::Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last.into()).into()
        } else {
            std::net::Ipv4Addr::new(10, 1, 0, last).into()
        },
        mac: [2, 0, 0, 0, 0, last],
    };
    Flow {
        client: peer(7),
        server: peer(1),
        client_port: 50_000,
        server_port,
        vlan,
        here,
        round_trip_ns: (trip_ms * 1e6) as i64,
        hops: 0,
    }
}

fn sides() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Client), Just(Side::Server)]
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (sides(), 1usize..3_000).prop_map(|(side, length)| Step::Say(side, length)),
        2 => (sides(), 3_000usize..60_000).prop_map(|(side, length)| Step::Say(side, length)),
        2 => (0.0..100.0f64).prop_map(Step::WaitMs),
        2 => (0.0..100_000.0f64).prop_map(Step::Later),
        1 => sides().prop_map(Step::KeepAlive),
    ]
}

fn closes() -> impl Strategy<Value = Option<Close>> {
    prop::option::of(prop_oneof![
        Just(Close::Client),
        Just(Close::Server),
        Just(Close::ServerReset),
        Just(Close::Unbind),
        Just(Close::ClientReset),
        Just(Close::ServerAbort),
    ])
}

fn flows() -> impl Strategy<Value = Flow> {
    let ports = prop_oneof![Just(88), Just(389), Just(445)];
    (any::<bool>(), sides(), prop::option::of(1u16..4_095), ports, 0.0..80.0f64)
        .prop_map(|(is_v6, here, vlan, port, trip)| flow(is_v6, here, vlan, port, trip))
}

fn conditions(is_calm: bool) -> impl Strategy<Value = Conditions> {
    let share = if is_calm { 0.0..=0.0 } else { 0.0..=0.3 };
    let mtu = prop_oneof![Just(1_500u16), Just(9_000), Just(1_280), 576u16..9_000];
    let cut = prop::option::weighted(0.2, prop_oneof![Just(1u16), 100u16..2_000]);
    (mtu, cut, share.clone(), share, any::<bool>()).prop_map(
        |(mtu_bytes, segment_bytes_max, loss, reordering, offload)| Conditions {
            mtu_bytes,
            segment_bytes_max,
            loss,
            reordering,
            offload,
        },
    )
}

fn scripts(is_calm: bool) -> impl Strategy<Value = Script> {
    (flows(), conditions(is_calm), prop::collection::vec(steps(), 1..12), closes(), any::<u64>())
        .prop_map(|(flow, conditions, steps, close, seed)| Script {
            flow,
            conditions,
            steps,
            close,
            seed,
        })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases / 4,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_said_is_on_the_wire(script in scripts(false)) {
        let Played { frames, said } = play(&script);
        let trace = Trace::read(&script.flow, &script.conditions, &frames);
        prop_assert_eq!(trace.reassembled(), said);
        trace.acknowledges_only_what_was_seen();
    }

    #[test]
    fn without_loss_all_is_in_order_and_acknowledged(script in scripts(true)) {
        let Played { frames, said } = play(&script);
        let trace = Trace::read(&script.flow, &script.conditions, &frames);
        prop_assert_eq!(trace.reassembled(), said);
        trace.acknowledges_only_what_was_seen();
        trace.is_in_order();
        trace.heeds_windows();
        trace.is_acknowledged_to_the_end();
    }
}
