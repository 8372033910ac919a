//! Names and addresses where an estate is not the small one: answers that do not fit, forwarders
//! that say nothing, neighbours, networks without NetBIOS neighbours.

use headroom::proto::Kind;
use headroom::synth::{Activity, Item, Synth, Truth, outcome_name};

use super::play;

/// Plays the script in an estate; the core must give it back.
fn played(text: &str, script: Vec<Item>) -> Truth {
    let synth =
        Synth::perform(play::cast(text, 3), &play::options(3_600), script.into_iter()).unwrap();
    let (frames, truth) = play::collect(synth);
    let differences = play::differences(&play::told(&truth), &play::hear(&frames));
    assert!(differences.is_empty(), "\n{differences}");
    truth
}

/// Each client once.
fn everybody(text: &str, activity: Activity) -> Vec<Item> {
    let clients = play::cast(text, 3).clients.len();
    play::script(activity, 1..u32::try_from(clients).unwrap(), 3)
}

/// How many activities of a kind, and with which outcome, are derived.
fn count(truth: &Truth, kind: Kind, outcome: &str) -> usize {
    let rows = truth.rows().iter();
    rows.filter(|row| row.kind == kind && outcome_name(row.outcome) == outcome).count()
}

#[test]
fn a_long_list_of_domain_controllers_is_asked_for_again_over_tcp() {
    let more: String = (3..15).map(|number| format!(
        "\n[[domain_controller]]\nname = \"DC{number:02}\"\naddresses = [\"10.9.0.{number}\"]\nsite = \"Hamburg\"\nroles = [\"dns\"]\n"
    )).collect();
    // Only some of the clients use the first of them.
    let many = format!("{}{more}", play::SMALL.replace("count = 8", "count = 80"));
    for (text, exchanges) in [(play::SMALL, 1), (&many, 2)] {
        let mut script = everybody(text, Activity::DnsLocate);
        script.iter_mut().for_each(|item| item.argument = 1);
        let asked = count(&played(text, script.clone()), Kind::DnsQuery, "success");
        assert_eq!(asked, exchanges * script.len());
    }
}

#[test]
fn who_gets_no_answer_from_a_forwarder_asks_again() {
    let parameters =
        "\n[parameters]\ndns.forwarded_share = 1\ndns.unanswered_share = 1\ndns.tcp_share = 0\n";
    for other_serves_dns in [true, false] {
        let roles = if other_serves_dns { "roles = [\"dns\"]" } else { "roles = []" };
        let text = play::SMALL.replace("roles = [\"dns\"]", roles) + parameters;
        let script = everybody(&text, Activity::DnsOutside);
        let truth = played(&text, script.clone());
        let failed = count(&truth, Kind::DnsLookup, "failure");
        // Both questions of the server to its forwarder, and clients that are not told.
        let silent = count(&truth, Kind::DnsLookup, "unanswered");
        assert_eq!((failed > 0, failed + silent), (true, 3 * script.len()));
        let asked: u64 =
            truth.messages().iter().filter(|(_, m)| !m.is_answer).map(|(_, m)| m.count).sum();
        let tries = if other_serves_dns { 3 } else { 4 };
        assert_eq!(asked, (tries + 2) * script.len() as u64);
    }
}

#[test]
fn neighbours_get_their_addresses_by_broadcast() {
    let text = play::SMALL.replace("10.9.0.1\"", "10.1.0.2\"");
    let script = everybody(&text, Activity::DhcpLease);
    let truth = played(&text, script.clone());
    let everybody: std::net::IpAddr = "255.255.255.255".parse().unwrap();
    assert_eq!(truth.rows().len(), script.len());
    assert!(truth.rows().iter().all(|row| row.client == everybody && row.principal.is_none()));
}

#[test]
fn broadcasts_of_another_site_are_not_seen() {
    let away = "[[site]]\nname = \"Away\"\ntime_zone = \"Europe/Berlin\"\nsubnet = \"10.2.0.0/16\"\nserved_by = \"Hamburg\"\n";
    let text = play::SMALL.replacen("[[population]]", &format!("{away}\n[[population]]"), 1);
    let far = text.replacen("count = 8\nsite = \"Hamburg\"", "count = 8\nsite = \"Away\"", 1);
    let far = far.replace("ipv6_share = 0.3", "ipv6_share = 0");
    for activity in [Activity::NbnsBroadcast, Activity::BrowserAnnounce] {
        let near = played(play::SMALL, everybody(play::SMALL, activity));
        let far = played(&far, everybody(&far, activity));
        assert!(far.frames < near.frames && far.frames > 0, "{} {}", far.frames, near.frames);
    }
}
