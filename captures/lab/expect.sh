#!/bin/bash
# Write FILE.expect.toml next to each capture: what tshark, which shares no code with this project, sees in it.
# With --table, print the same files as rows of Markdown instead (for README.md).
#
# Read as: a port counts a frame once, by the first TCP or UDP header after the addresses; a header that an
# ICMP error quotes does not count, for ports or for streams. A protocol counts a frame if it is one of the
# names in frame.protocols, so frames in the middle of a reassembled message count for TCP only.
set -euo pipefail

dc_addresses="10.77.0.10 fd77::10 fe80::aff:fe4d:10"
table=0; [ "${1:-}" != --table ] || { table=1; shift; }
[ $# -gt 0 ] || { echo "usage: expect.sh [--table] CAPTURE..." >&2; exit 2; }
WIRESHARK_CONFIG_DIR=$(mktemp -d); export WIRESHARK_CONFIG_DIR   # tshark's defaults, whoever runs this
trap 'rm -rf "$WIRESHARK_CONFIG_DIR"' EXIT
version=$(tshark --version 2>/dev/null | sed -n '1s/^TShark (Wireshark) \([0-9.]*\).*/\1/p')

fields() {
  tshark -n -r "$1" -T fields -E occurrence=f -E separator='|' -e frame.time_epoch -e frame.cap_len -e frame.len \
    -e frame.protocols -e tcp.srcport -e tcp.dstport -e udp.srcport -e udp.dstport -e tcp.stream -e udp.stream \
    -e ip.src -e ip.dst -e ipv6.src -e ipv6.dst 2>/dev/null
}

for file; do
  case $file in *.toml) continue ;; *.pcapng*) format=pcapng ;; *) format=pcap ;; esac
  fields "$file" | awk -F'|' -v table=$table -v format="$format" -v version="$version" -v dc="$dc_addresses" \
    -v name="$(basename "$file")" -v bytes="$(stat -c %s "$file")" -v sum="$(sha256sum "$file" | cut -d' ' -f1)" '
    function section(title, list, seen,   n, a, i) {
      print "[" title "]"; n = split(list, a, " ")
      for (i = 1; i <= n; i++) if (seen[a[i]]) print a[i] " = " seen[a[i]]
    }
    NR == 1 { first = $1 }
    {
      last = $1; captured += $2; original += $3
      n = split($4, p, ":"); split("", here); for (i = 1; i <= n; i++) here[p[i]] = 1
      for (i in here) protocol[i]++
      if (!("icmp" in here) && !("icmpv6" in here)) {
        if ($5 != "") { tcp[$5]++; if ($6 != $5) tcp[$6]++; if (!(("t" $9) in stream)) { stream["t" $9]; tcp_streams++ } }
        if ($7 != "") { udp[$7]++; if ($8 != $7) udp[$8]++; if (!(("u" $10) in stream)) { stream["u" $10]; udp_streams++ } }
      }
      for (i = 11; i <= 14; i++) address[$i]
    }
    END {
      protocols = "dns mdns llmnr nbns nbdgm nbss smb smb2 ntlmssp dcerpc kerberos ldap cldap tls radius rdp ntp dhcp"
      if (table) {
        n = split(protocols, a, " "); shows = ""
        for (i = 1; i <= n; i++) if (protocol[a[i]]) shows = shows (shows == "" ? "" : ", ") a[i]
        split(first, f, "."); split(last, l, ".")
        printf "| `%s` | %d | %d | %.1f | %s | `%s` |\n", name, NR, bytes, l[1] - f[1] + ("0." l[2]) - ("0." f[2]), shows, sum
        exit
      }
      sub(/\./, "", first); sub(/\./, "", last)     # tshark prints nine decimals: without the point it is nanoseconds
      print "# Made by captures/lab/expect.sh with tshark " version "; do not edit by hand."
      print "[container]\nformat = \"" format "\"\npackets = " NR "\ncaptured_bytes = " captured "\noriginal_bytes = " original
      print "first_packet_unix_ns = " first "\nlast_packet_unix_ns = " last
      print "[streams]\ntcp = " tcp_streams + 0 "\nudp = " udp_streams + 0
      section("tcp_port_frames", "53 88 135 139 389 445 464 636 3268 3269 3389", tcp)
      section("udp_port_frames", "53 67 68 88 123 137 138 389 464 1812 1813 3389 5353 5355", udp)
      section("protocol_frames", protocols, protocol)
      n = split(dc, a, " "); list = ""
      for (i = 1; i <= n; i++) if (a[i] in address) list = list (list == "" ? "" : ", ") "\"" a[i] "\""
      print "[dc]\naddresses = [" list "]"
    }' > "$WIRESHARK_CONFIG_DIR/out"
  if [ $table = 1 ]; then cat "$WIRESHARK_CONFIG_DIR/out"; else cp "$WIRESHARK_CONFIG_DIR/out" "$file.expect.toml"; fi
done
