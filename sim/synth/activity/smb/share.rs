//! What is done on shares of files: policies read, files read and written.

use super::file::{self, Open, Wanted};
use super::link::{Message, Smb};
use super::setup;
use crate::base::Random;
use crate::proto::smb2::body::{TreeDisconnectRequest, TreeDisconnectResponse};
use crate::proto::smb2::{Body, command};
use crate::synth::Stage;

/// The two policies that every domain has, \[MS-GPOD\] section 1.1.5.
const DEFAULT_POLICIES: [&str; 2] =
    ["{31B2F340-016D-11D2-945F-00C04FB984F9}", "{6AC1786C-016F-11D2-945F-00C04fB984F9}"];
/// Bytes of `gpt.ini`: a section and a version of up to ten digits.
const GPT_BYTES: [u64; 4] = [22, 23, 26, 59];
/// Bytes of a changed policy, median, deviation of the logarithm, and at most. Assumed: those in
/// captures had 2,750 to 8,000 bytes, and large ones exist.
const POLICY_MEDIAN: f64 = 6_000.0;
const POLICY_SIGMA: f64 = 1.2;
const POLICY_MAX: f64 = 400_000.0;
/// Bytes of other files, likewise. Assumed.
const FILE_MEDIAN: f64 = 20_000.0;
const FILE_SIGMA: f64 = 1.8;
const FILE_MAX: f64 = 4_000_000.0;
/// Share of file sessions that write. Assumed.
const WRITING_SHARE: f64 = 0.35;
/// Share of clients that keep watching the directory they have listed. Assumed.
const WATCHING_SHARE: f64 = 0.3;

/// One policy of a refresh: its version; what it says, where that has changed.
pub fn policy(stage: &mut Stage<'_>, smb: &mut Smb, tree: u32, number: u32, changed: f64) {
    let domain = stage.cast.forest.dns_name.clone();
    let share = format!("\\\\{}\\sysvol", stage.cast.dc_dns_name(stage.cast.dc));
    let mut own = Random::fork(stage.cast.seed, 8 << 60 | u64::from(number));
    let guid = match DEFAULT_POLICIES.get(number as usize) {
        Some(guid) => (*guid).to_owned(),
        None => guid(&mut own),
    };
    let folder = format!("{domain}\\Policies\\{guid}");
    let path = format!("{folder}\\gpt.ini");
    let size = GPT_BYTES.get(own.below(4) as usize).copied();
    read(stage, smb, Wanted { tree, share: &share, path: &path, size, is_written: false });
    if !stage.random.chance(changed) {
        return;
    }
    let machine = format!("{folder}\\{}", if own.chance(0.6) { "Machine" } else { "User" });
    let directory = Wanted { tree, share: &share, path: &machine, size: None, is_written: false };
    let open = Open::new(stage, smb, directory);
    open.information(stage, smb);
    open.list(stage, smb, &[("Microsoft", true), ("Registry.pol", false), ("Scripts", true)]);
    open.close(stage, smb);
    let path = format!("{machine}\\Registry.pol");
    let size = Some(bytes(stage, POLICY_MEDIAN, POLICY_SIGMA, POLICY_MAX));
    let wanted = Wanted { tree, share: &share, path: &path, size, is_written: false };
    let mut open = Open::new(stage, smb, wanted);
    open.information(stage, smb);
    open.details(stage, smb);
    open.read(stage, smb);
    open.close(stage, smb);
    file::missing(stage, smb, tree, &format!("{machine}\\comment.cmtx"));
}

fn guid(own: &mut Random) -> String {
    let (a, b) = (own.next_u64(), own.next_u64());
    format!(
        "{{{:08X}-{:04X}-4{:03X}-{:04X}-{:012X}}}",
        a >> 32,
        a >> 16 & 0xffff,
        a & 0xfff,
        0x8000 | b >> 48 & 0x3fff,
        b & 0xffff_ffff_ffff
    )
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to the most")]
fn bytes(stage: &mut Stage<'_>, median: f64, sigma: f64, most: f64) -> u64 {
    stage.random.lognormal(median, sigma).clamp(1.0, most) as u64
}

fn read(stage: &mut Stage<'_>, smb: &mut Smb, wanted: Wanted<'_>) {
    let mut open = Open::new(stage, smb, wanted);
    open.information(stage, smb);
    open.read(stage, smb);
    open.close(stage, smb);
}

/// Logon scripts are listed and read, or files of a share written.
pub fn browse(stage: &mut Stage<'_>, smb: &mut Smb) {
    let server = stage.cast.dc_dns_name(stage.cast.dc);
    let is_written = stage.random.chance(WRITING_SHARE);
    let name = if is_written { "data" } else { "netlogon" };
    let tree = setup::tree(stage, smb, name, &server);
    let share = format!("\\\\{server}\\{name}");
    let root = Wanted { tree, share: &share, path: "", size: None, is_written: false };
    let open = Open::new(stage, smb, root);
    open.information(stage, smb);
    open.list(stage, smb, &[("logon.cmd", false), ("printers.vbs", false), ("tools", true)]);
    let watched = stage.random.chance(WATCHING_SHARE).then(|| open.watch(stage, smb));
    for _ in 0..=stage.random.below(3) {
        let number = stage.random.below(40);
        let path = match is_written {
            true => format!("{}\\report-{number:02}.xlsx", stage.cast.user_name(stage.item.client)),
            false => format!("tools\\map-{number:02}.cmd"),
        };
        let size = Some(bytes(stage, FILE_MEDIAN, FILE_SIGMA, FILE_MAX));
        let wanted = Wanted { tree, share: &share, path: &path, size, is_written };
        let mut open = Open::new(stage, smb, wanted);
        open.information(stage, smb);
        if is_written {
            open.write(stage, smb);
        } else {
            open.read(stage, smb);
        }
        open.close(stage, smb);
        let pause = stage.random.exponential(2_000.0);
        stage.wait_ms(pause);
    }
    if let Some(asked) = watched {
        open.changed(stage, smb, asked, "logon.cmd");
    }
    open.close(stage, smb);
    let body = Body::TreeDisconnectRequest(TreeDisconnectRequest::default());
    let asked = smb.ask(stage, Message::new(command::TREE_DISCONNECT, tree, body));
    let body = Body::TreeDisconnectResponse(TreeDisconnectResponse::default());
    smb.answer(stage, asked, Message::new(command::TREE_DISCONNECT, tree, body));
}
