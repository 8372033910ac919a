use super::*;

#[test]
fn reads_every_field_of_the_header() {
    let bytes = Smb1::samples().remove(0).bytes;
    let packet = Packet::parse(&bytes).unwrap();
    let want = Header {
        protocol: MAGIC,
        command: 0x72,
        status: 0xc000_0005,
        flags: 0x18,
        flags2: 0xc801,
        process_high: 0x1234,
        security: *b"signme!!",
        reserved: 1,
        tree_id: 0x1122,
        process_low: 0xcafe,
        user_id: 0x3344,
        multiplex_id: 0x5566,
    };
    assert_eq!((packet.header, packet.blocks.len(), packet.rest), (want, 1, &[][..]));
    assert_eq!(packet.blocks[0].data, b"\x02NT LM 0.12\0");
}

#[test]
fn every_sample_but_one_is_understood() {
    let mut shapes = 0;
    for sample in Smb1::samples() {
        let packet = Packet::parse(&sample.bytes).unwrap();
        assert!(packet.rest.is_empty() && !packet.blocks.is_empty(), "{:?}", packet.header);
        for block in packet.blocks {
            let is_opaque = matches!(block.words, Words::Opaque(_));
            assert_eq!(is_opaque, block.command == command::SEEK, "{block:?}");
            shapes += u32::from(!is_opaque);
        }
    }
    assert_eq!(shapes, 57);
}

use super::words::*;
use crate::base::Timestamp;
use crate::proto::{Activity, Dialogue as _, Hint, Id, Side};

/// What an observer was told.
#[derive(Default)]
struct Told {
    commands: Vec<(u8, bool)>,
    activities: Vec<String>,
}

impl Observer for Told {
    fn message(&mut self, _: &Context, message: &crate::proto::Message<'_>, _: Tally) {
        if let crate::proto::Message::Smb1(pdu) = message {
            self.commands.push((pdu.command, pdu.is_chained));
        }
    }

    fn activity(&mut self, a: &Activity<'_>) {
        let show =
            |name: Option<&dyn std::fmt::Display>| name.map_or("-".into(), |n| n.to_string());
        let (principal, target, detail) = (show(a.principal), show(a.target), show(a.detail));
        self.activities.push(format!("{:?} {principal} {target} {detail} {:?}", a.kind, a.outcome));
    }

    fn hint(&mut self, _: &Context, _: Hint<'_>) {}
    fn malformed(&mut self, _: Id, _: WireError) {}
}

fn hear(it: &mut (Conversation, Told), bytes: &[u8]) -> Result<(), WireError> {
    let is_response = bytes[4 + 9] & FLAG_REPLY != 0;
    let context = Context {
        transport: Transport::Tcp,
        side: if is_response { Side::Server } else { Side::Client },
        time: Timestamp::from_nanos(1),
        length: bytes.len(),
        is_cut: false,
    };
    let needed = Smb1::needed(bytes, bytes.len());
    Smb1::observe(&bytes[..needed], &context, &mut it.0, &mut it.1)
}

/// The sample of `command` in a direction, of the shape that `is_it` picks.
fn sample(command: u8, is_response: bool, is_it: fn(&Packet<'_>) -> bool) -> Vec<u8> {
    let samples = Smb1::samples().into_iter().map(|sample| sample.bytes);
    let mut right = samples.filter(|bytes| {
        let packet = Packet::parse(bytes).unwrap();
        let reply = packet.header.flags & FLAG_REPLY != 0;
        (packet.header.command, reply) == (command, is_response) && is_it(&packet)
    });
    right.next().unwrap()
}

#[test]
fn a_plain_logon_and_the_share_behind_it_are_told() {
    let mut it = <(Conversation, Told)>::default();
    hear(&mut it, &sample(0x73, false, |packet| packet.blocks.len() == 2)).unwrap();
    assert_eq!(it.1.commands, [(0x73, false), (0x75, true)]);
    hear(
        &mut it,
        &sample(0x73, true, |p| matches!(p.blocks[0].words, Words::SessionSetupResponse(_))),
    )
    .unwrap();
    hear(&mut it, &sample(0x75, true, |_| true)).unwrap();
    let logon = r"NtlmLogon LAB\ada - NTLMv1 Success";
    let share = r"ShareAccess LAB\ada \\dc1\IPC$ TREE_CONNECT_ANDX Success";
    assert_eq!(it.1.activities, [logon, share]);
}

#[test]
fn a_call_through_a_pipe_is_of_the_account_of_the_session() {
    let mut it = <(Conversation, Told)>::default();
    hear(&mut it, &sample(0x73, false, |packet| packet.blocks.len() == 2)).unwrap();
    let is_setup = |p: &Packet<'_>| matches!(p.blocks[0].words, Words::SessionSetupResponse(_));
    hear(&mut it, &sample(0x73, true, is_setup)).unwrap();
    // NetrShareEnum without a bind in place of the sample's data: of an unknown interface.
    let call = b"\x05\0\0\x03\x10\0\0\0\x18\0\0\0\x02\0\0\0\0\0\0\0\0\0\x0f\0";
    let bytes = sample(0x25, false, |_| true);
    let mut packet = Packet::parse(&bytes).unwrap();
    let block = &mut packet.blocks[0];
    let before = block.data.len() - 4;
    let data = [&block.data[..before], call].concat();
    block.data = &data;
    let Words::TransactionRequest(words) = &mut block.words else { panic!("{block:?}") };
    (words.total_data, words.data_length) = (24, 24);
    let mut changed = Vec::new();
    packet.emit(&mut Writer::new(&mut changed)).unwrap();
    hear(&mut it, &changed).unwrap();
    it.0.finish(&mut it.1);
    let called = r"RemoteCall LAB\ada - opnum 15 of an unknown interface Unanswered";
    assert_eq!(it.1.activities.last().map(String::as_str), Some(called), "{:?}", it.1.activities);
}

#[test]
fn a_written_file_is_told_when_it_is_closed() {
    let mut it = <(Conversation, Told)>::default();
    hear(&mut it, &sample(0x02, false, |_| true)).unwrap();
    hear(&mut it, &sample(0x02, true, |_| true)).unwrap();
    hear(&mut it, &sample(0x2f, false, |_| true)).unwrap();
    hear(&mut it, &sample(0x2f, true, |_| true)).unwrap();
    assert_eq!(it.1.activities, [""; 0]);
    hear(&mut it, &sample(0x04, false, |_| true)).unwrap();
    hear(&mut it, &sample(0x04, true, |_| true)).unwrap();
    it.0.finish(&mut it.1);
    assert_eq!(it.1.activities, [r"FileCopy - \lab\gpt.ini write Success"]);
}

#[test]
fn names_are_found_where_each_command_has_them() {
    let mut names = Vec::new();
    for sample in Smb1::samples() {
        struct Names<'a>(&'a mut Vec<String>);
        impl Observer for Names<'_> {
            fn message(&mut self, _: &Context, message: &crate::proto::Message<'_>, _: Tally) {
                let crate::proto::Message::Smb1(pdu) = message else { return };
                for name in [pdu.file_name(), pdu.new_name(), pdu.transaction_name()] {
                    self.0.extend(name.map(|name| format!("{:02x} {name}", pdu.command)));
                }
                let session = pdu.session().and_then(|session| session.native_os);
                self.0.extend(session.map(|os| format!("{:02x} {os}", pdu.command)));
            }
            fn activity(&mut self, _: &Activity<'_>) {}
            fn hint(&mut self, _: &Context, _: Hint<'_>) {}
            fn malformed(&mut self, _: Id, _: WireError) {}
        }
        let context = Context {
            transport: Transport::Tcp,
            side: Side::Client,
            time: Timestamp::default(),
            length: sample.bytes.len(),
            is_cut: false,
        };
        let mut dialogue = Conversation::default();
        Smb1::observe(&sample.bytes, &context, &mut dialogue, &mut Names(&mut names)).unwrap();
    }
    let want = [
        "73 Unix",
        "73 Windows 5.1",
        "73 Windows 5.1",
        "73 Unix",
        "73 Unix",
        r"a2 \lab\gpt.ini",
        r"2d \lab\gpt.ini",
        r"02 \lab\gpt.ini",
        r"25 \PIPE\",
        r"32 \lab\*",
        r"00 \old",
        r"01 \old",
        r"10 \old",
        r"08 \old",
        r"09 \old",
        r"06 \old",
        r"07 \logon.bat",
        r"07 \old\logon.bat",
        r"a5 \logon.bat",
        r"a5 \old\logon.bat",
        r"81 \old",
    ];
    assert_eq!(names, want);
}

#[test]
fn a_chain_that_leads_back_is_refused() {
    let mut bytes = sample(0x73, false, |packet| packet.blocks.len() == 2);
    bytes[4 + 32 + 3..][..2].copy_from_slice(&32_u16.to_le_bytes());
    let mut it = <(Conversation, Told)>::default();
    let error = hear(&mut it, &bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("smb1::AndX at byte 32: offset is 32, must be 33..={}", bytes.len() - 4)
    );
    assert_eq!(it.1.commands.len(), 1);
}

#[test]
fn an_extended_open_that_counts_too_few_words_is_read() {
    let nt = sample(0xa2, true, |_| true);
    // 34 words become 50 that count as 42, and a byte count of whatever lay in memory.
    let mut bytes = nt[..nt.len() - 2].to_vec();
    bytes.extend([7; 32]);
    bytes.extend(b"\x5c\x69");
    bytes[4 + 32] = 42;
    bytes[3] += 32;
    let mut it = <(Conversation, Told)>::default();
    hear(&mut it, &bytes).unwrap();
    assert_eq!(it.1.commands, [(0xa2, false)]);
}
