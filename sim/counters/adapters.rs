//! Which instances of a network object count, and which would count a packet twice or never
//! left the machine.

/// Parts of an instance name (lower case) of adapters that carry no traffic of their own, and
/// why. The first six as public re-implementations of the vendor's tool leave them out.
const PSEUDO: [(&str, &str); 12] = [
    ("isatap", "tunnel: its packets are counted again on the adapter below"),
    ("teredo", "tunnel: its packets are counted again on the adapter below"),
    ("6to4", "tunnel: its packets are counted again on the adapter below"),
    ("ip-https", "tunnel: its packets are counted again on the adapter below"),
    ("pseudo-interface", "tunnel: its packets are counted again on the adapter below"),
    ("loopback", "never leaves the server, and the sensor's driver does not capture it"),
    ("wan miniport", "dial-in and VPN port: counted again on the adapter below"),
    ("kernel debug network adapter", "carries debugger traffic only"),
    ("lightweight filter", "filter on an adapter that is listed itself"),
    ("qos packet scheduler", "filter on an adapter that is listed itself"),
    ("npcap packet driver", "filter on an adapter that is listed itself"),
    ("wfp ", "filter on an adapter that is listed itself"),
];

/// Start of an instance name (lower case): remote access ports. Not "contains": words end so.
const PSEUDO_START: (&str, &str) =
    ("ras ", "remote access port: counted again on the adapter below");

/// Parts of an instance name (lower case) of adapters that forward what others receive.
const AGGREGATES: [&str; 3] =
    ["microsoft network adapter multiplexor", "hyper-v virtual ethernet", "hyper-v virtual switch"];

/// Instances that perfmon sums up itself.
const TOTALS: [&str; 2] = ["_total", "_gesamt"];

/// Why instance `name` is left out, if it is.
pub(super) fn left_out_because(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let (start, why) = PSEUDO_START;
    if name.starts_with(start) {
        return Some(why);
    }
    PSEUDO.iter().find(|(part, _)| name.contains(part)).map(|(_, why)| *why)
}

/// True for a team or virtual adapter, whose packets its members count as well.
pub(super) fn is_aggregate(name: &str) -> bool {
    let name = name.to_lowercase();
    AGGREGATES.iter().any(|part| name.contains(part))
}

/// True for an instance that is the sum of the others.
pub(super) fn is_total(name: &str) -> bool {
    TOTALS.iter().any(|total| name.trim().eq_ignore_ascii_case(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunnels_and_filters_are_left_out_and_real_adapters_are_not() {
        for name in [
            "isatap.corp.example",
            "Microsoft ISATAP Adapter _3",
            "Teredo Tunneling Pseudo-Interface",
            "6TO4 Adapter",
            "Software Loopback Interface 1",
            "WAN Miniport [IPv6]",
            "RAS Async Adapter",
            "vmxnet3 Ethernet Adapter-WFP Native MAC Layer LightWeight Filter-0000",
            "vmxnet3 Ethernet Adapter-QoS Packet Scheduler-0000",
        ] {
            assert!(left_out_because(name).is_some(), "{name}");
        }
        for name in ["vmxnet3 Ethernet Adapter _2", "Intel[R] 82574L", "Mellanox ConnectX bras 1"] {
            assert_eq!(left_out_because(name), None);
        }
        assert!(is_aggregate("Microsoft Network Adapter Multiplexor Driver"));
        assert!(is_total("_Total") && !is_total("Total"));
    }
}
