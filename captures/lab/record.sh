#!/bin/bash
# Record the traffic of a real Active Directory domain controller (Samba) and its clients in a closed lab.
#
# The lab is one mount, network and process namespace that holds a bridge, and inside it one such set of
# namespaces per machine. The host has no interface in it, so nothing can leave; and when the lab's first
# process ends, the kernel ends every daemon in it, so nothing can stay.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
packages="samba samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules samba-common-bin python3-samba
 python3-markdown winbind smbclient ldb-tools krb5-user ldap-utils libsasl2-modules-gssapi-mit bind9-dnsutils
 freeradius freeradius-utils eapoltest xrdp ssl-cert freerdp2-x11 xvfb xauth chrony dnsmasq-base isc-dhcp-client
 avahi-daemon iputils-ping iproute2 ethtool tcpdump tshark wireshark-common openssl python3 gzip zstd"

usage() { cat <<'U'
Usage: record.sh [--keep] OUTDIR

Build a closed lab with a Samba domain controller (dc1) and two clients (ws1, ws2), run the scenarios of
scenarios.sh against it and leave one capture per scenario, taken at dc1, in OUTDIR (dc-*.pcap, dc-*.pcapng,
some of them compressed). Existing captures of the same name are replaced.

  --keep    leave the working directory (logs, configuration, raw captures) and print where it is
  --help    this text

Needs Debian 12 or newer and root. Missing packages are installed with apt; no service is started by that.
Exit status: 0 recorded, 1 a required step failed, 2 wrong use or wrong machine.
U
}
say() { printf '[%4ds] %s\n' "$SECONDS" "$*" >&2; }
die() { printf 'record.sh: %s\n' "$1" >&2; exit "${2:-1}"; }

# ---- on the host -------------------------------------------------------------------------------------

policy=/usr/sbin/policy-rc.d denied=0
restore_policy() {
  [ $denied = 1 ] || return 0
  rm -f $policy; [ ! -e "$work/policy-rc.d" ] || mv "$work/policy-rc.d" $policy
  denied=0
}
install_packages() {
  local missing
  # shellcheck disable=SC2086  # the list is meant to split
  missing=$(for p in $packages; do dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q '^install ok' || echo "$p"; done)
  [ -n "$missing" ] || return 0
  say "installing ${missing//$'\n'/ }"
  local ok=0
  # policy-rc.d is what Debian's packages ask before they start a service; 101 means no
  [ ! -e $policy ] || cp -a $policy "$work/policy-rc.d"
  denied=1
  printf '#!/bin/sh\nexit 101\n' > "$work/deny"; install -m 755 "$work/deny" $policy
  # shellcheck disable=SC2086
  { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install $missing; } \
    > "$work/log/apt.log" 2>&1 && ok=1
  restore_policy
  [ $ok = 1 ] || { tail -3 "$work/log/apt.log" >&2; die "apt could not install the packages above"; }
}

# dumpcap names the recording machine's processor and kernel; the samples need neither
neutral() { python3 - "$@" <<'P'
import struct, sys
DROP = {0x0A0D0D0A: {2, 3}, 1: {12, 15}}        # section: hardware, os; interface: os, hardware
FIXED = {0x0A0D0D0A: 16, 1: 8}                  # bytes between the length and the options
for name in sys.argv[1:]:
    raw, out, at = open(name, "rb").read(), bytearray(), 0
    while at < len(raw):
        kind, length = struct.unpack_from("<II", raw, at)
        body, at = raw[at + 8:at + length - 4], at + length
        if kind in DROP:
            keep, o = bytearray(body[:FIXED[kind]]), FIXED[kind]
            while o < len(body):
                code, size = struct.unpack_from("<HH", body, o)
                end = o + 4 + (size + 3) // 4 * 4
                if code not in DROP[kind]:
                    keep += body[o:end]
                o = end
            body = bytes(keep)
        out += struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
    open(name, "wb").write(out)
P
}

work='' lab='' keep=0                              # not local: the exit trap reads them
host_main() {
  local out='' a
  for a; do case $a in
    --help|-h) usage; exit 0 ;;
    --keep) keep=1 ;;
    -*) usage >&2; die "unknown option $a" 2 ;;
    *) [ -z "$out" ] || die "one OUTDIR, please" 2; out=$a ;;
  esac; done
  [ -n "$out" ] || { usage >&2; exit 2; }
  [ "$(id -u)" = 0 ] || die "needs root, to make namespaces; try sudo" 2
  [ -e /etc/debian_version ] || die "needs Debian, for the names of its packages" 2
  mkdir -p "$out" || die "cannot make $out" 2
  out=$(cd "$out" && pwd)

  work=$(mktemp -d /tmp/headroom-lab.XXXXXX)
  trap '[ -z "$lab" ] || { kill -9 "$lab" 2>/dev/null && wait "$lab" 2>/dev/null; } || :
        restore_policy
        if [ $keep = 1 ]; then say "kept $work"; else rm -rf "$work"; fi' EXIT
  trap 'exit 130' INT TERM
  mkdir "$work/cap" "$work/log"
  install_packages
  # in the background, so that a signal reaches us at once and the trap can end the whole lab
  WORK=$work unshare --net --mount --uts --ipc --pid --fork --kill-child --mount-proc "$here/record.sh" --in-lab &
  lab=$!
  wait $lab || { lab=''; die "the lab failed; run again with --keep and read log/ there"; }
  lab=''
  neutral "$work"/cap/*.pcapng
  gzip -9n "$work/cap/dc-join.pcap"
  zstd -q -19 --rm "$work/cap/dc-rdp.pcapng"
  chmod 644 "$work"/cap/*; chown 0:0 "$work"/cap/*; mv -f "$work"/cap/dc-* "$out/"
  say "recorded in $out"
}

# ---- in the lab --------------------------------------------------------------------------------------

declare -A init=()                                # machine -> its first process
# shellcheck disable=SC2034  # scenarios.sh reads them too
domain=lab.example realm=LAB.EXAMPLE netbios=LAB net4=10.77.0 net6=fd77: password='Lantern.Orchard7'

# machine NAME NUMBER: namespaces of its own, an own copy of /etc and own state directories, a link to the bridge
machine() {
  # shellcheck disable=SC2153  # WORK is what the half on the host hands to this one
  local name=$1 number=$2 root=$WORK/$1 d
  for d in run/samba run/lock run/xrdp run/freeradius tmp var/log/samba var/log/freeradius var/lib/samba/private var/cache/samba; do
    mkdir -p "$root/$d"; done
  chmod 1777 "$root/tmp"; cp -a /etc "$root/etc"
  ( cd "$root/etc"; rm -f samba/smb.conf machine-id resolv.conf krb5.keytab
    echo "$name" > hostname
    printf '127.0.0.1 localhost\n%s.%s %s.%s %s\n' $net4 "$number" "$name" $domain "$name" > hosts
    printf 'search %s\nnameserver %s.10\n' $domain $net4 > resolv.conf
    printf 'passwd: files\ngroup: files\nhosts: files dns\n' > nsswitch.conf
    printf 'precedence ::ffff:0:0/96 100\n' > gai.conf             # IPv4 first; the IPv6 steps name the address
    printf 'TLS_REQCERT never\nSASL_NOCANON on\n' > ldap/ldap.conf # own certificates, no PTR records
    printf '[libdefaults]\n default_realm = %s\n dns_lookup_kdc = true\n rdns = false\n allow_weak_crypto = true\n' $realm > krb5.conf
    # FreeRADIUS and xrdp both use Debian's self-signed pair, which names the host: put another in its place
    cat "$WORK/cert.pem" > ssl/certs/ssl-cert-snakeoil.pem; cat "$WORK/key.pem" > ssl/private/ssl-cert-snakeoil.key )
  # /tmp last, because the working directory lies in it
  # shellcheck disable=SC2016  # expanded by the inner shell
  unshare --net --mount --uts --ipc --pid --fork --kill-child --mount-proc bash -c '
    hostname "$1"; for d in etc run var/log var/lib/samba var/cache/samba tmp; do mount --bind "$2/$d" "/$d" || exit; done
    touch /run/ready; exec sleep infinity' _ "$name" "$root" &
  for _ in {1..50}; do [ ! -e "$root/run/ready" ] || break; sleep 0.1; done
  [ -e "$root/run/ready" ] || die "machine $name did not start"
  init[$name]=$(cat /proc/$!/task/$!/children); init[$name]=${init[$name]// /}
  ip link add "p-$name" type veth peer name eth0 address "02:00:0a:4d:00:$number" netns "${init[$name]}"
  ip link set "p-$name" master br0 up
  offload "$name" off
  in_net "$name" sh -c "ip link set lo up; ip link set eth0 up; ip addr add $net4.$number/24 brd + dev eth0
    ip addr add $net6:$number/64 dev eth0 nodad; ip route add 224.0.0.0/4 dev eth0"
}
in_net() { nsenter -t "${init[$1]}" -n "${@:2}"; }                  # our files, the machine's network
on() { nsenter -t "${init[$1]}" -n -m -u -i -p env -i -C /tmp HOME=/tmp PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C "${@:2}"; }
daemon() { on "$1" "${@:2}" > "$WORK/log/$1.$2.log" 2>&1 & }
# With offload on, a sender leaves the checksum to the card and hands over frames longer than the MTU
offload() {
  ethtool -K "p-$1" tx "$2" rx "$2" tso "$2" gso "$2" gro "$2" > /dev/null 2>&1
  in_net "$1" ethtool -K eth0 tx "$2" rx "$2" tso "$2" gso "$2" gro "$2" > /dev/null 2>&1
}

# capture FILE [OPTIONS]: record at dc1; the name says how: .pcapng with dumpcap, .pcap with tcpdump
capturing=()
capture() {
  local file=$WORK/cap/$1 log=$WORK/log/$1.log enter=(nsenter -t "${init[dc1]}" -n)   # not in_net: $! must be the recorder
  shift
  case $file in
    *.pcapng) "${enter[@]}" dumpcap -q "${@:--ieth0}" -w "$file" > "$log" 2>&1 & ;;
    *) "${enter[@]}" tcpdump -U --immediate-mode -Z root "${@:--ieth0}" -w "$file" > "$log" 2>&1 & ;;
  esac
  capturing+=($!)
  for _ in {1..50}; do ! grep -qE '^File:|listening on' "$log" || return 0; sleep 0.1; done
  die "no capture into $file: $(cat "$log")"
}
stop() { sleep 1; kill -TERM "${capturing[@]}"; wait "${capturing[@]}" || :; capturing=(); }

# One step of a scenario, in a shell on a machine. step must succeed; fails must fail, that is its point;
# attempt may do either.
run() {
  local rc=0; printf '\n### %s: %s\n' "$2" "$3" >> "$WORK/log/steps.log"
  on "$2" timeout -k 2 40 bash -c "$3" >> "$WORK/log/steps.log" 2>&1 < /dev/null || rc=$?
  case $1:$rc in
    step:0|attempt:*) ;;
    fails:0|fails:124|step:*) tail -5 "$WORK/log/steps.log" >&2; die "$1 (status $rc) on $2: $3" ;;
  esac
  sleep 0.1
}
step() { run step "$@"; }
fails() { run fails "$@"; }
attempt() { run attempt "$@"; }

lab_main() {
  umask 022; hostname lab
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=dc1.$domain" -keyout "$WORK/key.pem" -out "$WORK/cert.pem" 2>/dev/null
  echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6     # the bridge and its ports have nothing to say
  ip link set lo up; ip link add br0 type bridge mcast_snooping 0; ip link set br0 up
  machine dc1 10; machine ws1 21; machine ws2 22
  # shellcheck source=scenarios.sh
  . "$here/scenarios.sh"
}

if [ "${1:-}" = --in-lab ]; then lab_main; else host_main "$@"; fi
