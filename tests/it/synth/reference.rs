//! The calibration `catalyst2017` against the mix of operations it is made after.

use headroom::proto::Id;
use headroom::synth::{Options, Synth, Truth};

use super::play;

/// 229 conversations with one domain controller, as the reference has.
const ESTATE: &str = r#"
calibration = "catalyst2017"
[forest]
dns_name = "corp.example"
[network]
forwarders = ["192.0.2.53"]
[[site]]
name = "Here"
time_zone = "Europe/Berlin"
subnet = "10.1.0.0/16"
[[domain_controller]]
name = "DC01"
addresses = ["10.9.0.1"]
site = "Here"
roles = ["dns", "wins"]
[[population]]
name = "conversations"
kind = "workstation"
count = 229
site = "Here"
"#;

/// Requests of clients in the reference, by operation: the Catalyst traffic model of 2017
/// (GSam/samba-cloud-autobuild 65350e02). Those with more than 0.1 % of all 245,432.
const REFERENCE: [(&str, f64); 13] = [
    ("dns query", 211_531.0),
    ("kerberos request", 8_274.0),
    ("nbns query", 6_529.0),
    ("ldap bindRequest", 5_029.0),
    ("ldap unbindRequest", 3_980.0),
    ("netlogon.NetrLogonSamLogonEx", 2_165.0),
    ("lsarpc.LsarLookupNames4", 1_398.0),
    ("lsarpc.LsarLookupSids3", 1_030.0),
    ("drsuapi.IDL_DRSCrackNames", 943.0),
    ("drsuapi.IDL_DRSBind", 809.0),
    ("drsuapi.IDL_DRSUnbind", 802.0),
    ("samr.SamrCloseHandle", 602.0),
    ("samr.SamrOpenDomain", 298.0),
];
const REFERENCE_ALL: f64 = 245_432.0;
/// Operations of the reference's connections that it leaves out: of binds, mappers, tickets.
const NOT_LISTED: [&str; 8] = [
    "netlogon.NetrServerReqChallenge",
    "netlogon.NetrServerAuthenticate3",
    "netlogon.NetrLogonGetCapabilities",
    "epm.ept_map",
    "epm.ept_lookup",
    "lsarpc.LsarOpenPolicy2",
    "lsarpc.LsarOpenPolicy",
    "lsarpc.LsarClose",
];

/// Requests by the reference's names, each with its count.
fn requests(truth: &Truth) -> Vec<(String, u64)> {
    let messages = truth.messages().into_iter().filter(|(_, row)| !row.is_answer);
    let named = messages.filter_map(|(id, row)| {
        let name = id.operation(row.operation).unwrap_or_default();
        let name = match id {
            Id::Dns if row.operation < 1 << 16 => "dns query".to_owned(),
            Id::Kerberos if [10, 12].contains(&row.operation) => "kerberos request".to_owned(),
            Id::Nbns if name.starts_with("query") => "nbns query".to_owned(),
            Id::Ldap if [0, 2, 3].contains(&row.operation) => format!("ldap {name}"),
            Id::Dcerpc if name.contains('.') && !NOT_LISTED.contains(&name) => name.to_owned(),
            _ => return None,
        };
        Some((name, row.count))
    });
    named.collect()
}

#[test]
fn the_mix_of_operations_is_that_of_the_reference() {
    let options = Options { with_rows: false, threads: 2, ..play::stationary(8 * 3_600) };
    let synth = Synth::start(play::cast(ESTATE, 5), &options).unwrap();
    let (_, truth) = play::collect(synth);
    let requests = requests(&truth);
    let count = |wanted: &str| -> f64 {
        let of = requests.iter().filter(|(name, _)| name == wanted);
        of.map(|(_, count)| f64::from(u32::try_from(*count).unwrap())).sum()
    };
    let all: f64 = requests.iter().map(|(_, n)| f64::from(u32::try_from(*n).unwrap())).sum();
    let mut table = String::new();
    let mut wrong = false;
    for (name, reference) in REFERENCE {
        let (share, wanted) = (count(name) / all, reference / REFERENCE_ALL);
        let ratio = share / wanted;
        wrong |= (ratio - 1.0).abs() > 0.1;
        table.push_str(&format!(
            "{name}: {:.3} %, in the reference {:.3} %: {ratio:.2}\n",
            share * 100.0,
            wanted * 100.0
        ));
    }
    println!("{table}");
    assert!(!wrong, "\n{table}{requests:?}");
}
