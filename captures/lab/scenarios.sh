# shellcheck shell=bash disable=SC2154,SC2086  # read by record.sh, which sets the names used here
# What happens in the lab: the domain, then one scenario per capture.

dc=dc1.$domain base=DC=lab,DC=example
alice="-U alice%$password" admin="-U Administrator%$password"

# ---- the domain --------------------------------------------------------------------------------------
say "making the domain $realm"
step dc1 "samba-tool domain provision --realm=$realm --domain=$netbios --server-role=dc --dns-backend=SAMBA_INTERNAL \
  --adminpass='$password' --host-ip=$net4.10 --host-ip6=$net6:10 --option='interfaces=lo eth0' --option='bind interfaces only=yes'"
# provisioning names the machine itself as forwarder; old dialects and plain LDAP binds are there to be seen
step dc1 "sed -i '/dns forwarder/d; s/^\[global\]/&\n\tldap server require strong auth = no\n\tserver min protocol = NT1\n\tntlm auth = yes/' /etc/samba/smb.conf"
step dc1 "set -e; samba-tool domain passwordsettings set --complexity=off --min-pwd-age=0 --history-length=0 --account-lockout-threshold=4
  for u in alice bob carol dora erik frank service; do samba-tool user create \$u '$password' --given-name=\$u --surname=Example; done
  samba-tool user disable dora; samba-tool group add staff; samba-tool group addmembers staff alice,bob
  samba-tool spn add MSSQLSvc/db.$domain:1433 service
  printf 'dn: CN=frank Example,CN=Users,$base\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: 4194816\n' |
    ldbmodify -H /var/lib/samba/private/sam.ldb   # frank needs no pre-authentication"
daemon dc1 samba -i --no-process-group
up=0; for _ in {1..60}; do
  on ws1 bash -c "dig +short +time=1 +tries=1 $dc A | grep -q $net4 && for p in 88 135 389 445; do timeout 2 bash -c \"</dev/tcp/$net4.10/\$p\" || exit 1; done" 2>/dev/null && { up=1; break; }
  sleep 0.5; done
[ $up = 1 ] || die "the domain controller did not start"
for w in ws1 ws2; do step $w "printf '%s\n' '[global]' 'workgroup = $netbios' 'realm = $realm' 'security = ads' 'client min protocol = NT1' \
  'interfaces = eth0' 'bind interfaces only = yes' 'idmap config * : range = 10000-19999' 'kerberos method = secrets and keytab' \
  'dedicated keytab file = /etc/krb5.keytab' > /etc/samba/smb.conf"; done

# ---- DNS ---------------------------------------------------------------------------------------------
say "DNS"; capture dc-dns.pcapng
for q in "_ldap._tcp.dc._msdcs.$domain SRV" "_kerberos._udp.$domain SRV" "_gc._tcp.$domain SRV" "$dc A" "$dc AAAA" "$domain SOA" \
  "$domain NS" "+tcp $domain ANY" "+noedns $dc A" "@$net6:10 _ldap._tcp.$domain SRV" "nosuch.$domain A" "wpad.$domain A"; do
  step ws1 "dig +time=2 +tries=2 $q"; done
step ws1 "samba-tool dns zonecreate dc1 0.77.10.in-addr.arpa $admin && samba-tool dns add dc1 0.77.10.in-addr.arpa 10 PTR $dc $admin"
step ws1 "dig +time=2 -x $net4.10; dig +time=2 -x $net4.99"
step ws1 "echo '$password' | kinit Administrator"
attempt ws1 "printf 'server $dc\nupdate add up.$domain 900 A $net4.90\nsend\n' | nsupdate -g"   # applied, but nsupdate rejects the signed answer
fails ws1 "printf 'server $dc\nupdate add down.$domain 900 A $net4.91\nsend\n' | nsupdate"      # unsigned: refused
# multicast names: a plain query to the groups of mDNS (avahi on ws2 answers) and of LLMNR (nobody answers)
step ws2 "printf '[server]\nuse-ipv6=yes\nallow-interfaces=eth0\nenable-dbus=no\n[publish]\npublish-workstation=yes\n' > /tmp/avahi.conf"
daemon ws2 avahi-daemon --no-drop-root --no-chroot --no-rlimits -f /tmp/avahi.conf
attempt dc1 "sleep 2; dig +time=2 +tries=1 -p 5353 @224.0.0.251 ws2.local A; dig +noedns +time=1 +tries=1 -p 5355 @224.0.0.252 ws9 A"
stop

# ---- Kerberos ----------------------------------------------------------------------------------------
say "Kerberos"; capture dc-kerberos.pcap -i eth0 --time-stamp-precision=nano
step ws1 "echo '$password' | kinit alice && kvno cifs/$dc ldap/$dc host/$dc && kvno -e arcfour-hmac MSSQLSvc/db.$domain:1433"
fails ws1 "kvno nosuch/service.$domain"
step ws1 "echo '$password' | kinit -r 7d alice && kinit -R"
fails ws1 "echo wrong | kinit alice"
fails ws1 "echo wrong | kinit nobody-here"
fails ws1 "echo '$password' | kinit dora"
fails ws1 "for i in 1 2 3 4 5; do echo wrong\$i | kinit erik; done; echo '$password' | kinit erik"
step ws2 "echo '$password' | kinit frank"
step ws1 "printf '%s\n' '$password' Walnut.Harbour3 Walnut.Harbour3 | kpasswd carol"
step ws2 "sed 's/rdns/udp_preference_limit = 1\n rdns/' /etc/krb5.conf > /tmp/tcp.conf; echo '$password' | KRB5_CONFIG=/tmp/tcp.conf kinit -E alice@$domain"
step ws2 "printf '[realms]\n $realm = {\n kdc = [$net6:10]\n }\n' | cat /etc/krb5.conf - > /tmp/six.conf; echo '$password' | KRB5_CONFIG=/tmp/six.conf kinit bob && KRB5_CONFIG=/tmp/six.conf kvno cifs/$dc"
stop

# ---- LDAP --------------------------------------------------------------------------------------------
say "LDAP"; capture dc-ldap.pcapng
s="ldapsearch -LLL" bind="-x -D alice@$domain -w $password" abind="-x -D Administrator@$domain -w $password"
step ws1 "$s -H ldap://$dc -x -s base -b '' namingContexts supportedSASLMechanisms"
step ws1 "$s -H ldap://$dc $bind -b $base '(&(objectClass=user)(sAMAccountName=a*))' cn memberOf"
step ws1 "$s -H ldap://$dc $bind -E pr=25/noprompt -b $base '(objectClass=group)' dn"
step ws1 "$s -H ldap://$dc:3268 $bind -b '' '(servicePrincipalName=MSSQL*)' servicePrincipalName"
step ws1 "echo '$password' | kinit alice; $s -H ldap://$dc -Y GSSAPI -b $base '(cn=bob*)' cn; $s -H ldap://$dc -Y GSSAPI -O maxssf=0 -b $base '(cn=bob*)' cn"
step ws1 "$s -H ldap://$dc -ZZ $bind -b $base '(cn=bob*)' cn"
step ws1 "$s -H ldaps://$dc $bind -b $base '(cn=bob*)' cn; $s -H ldaps://$dc:3269 $bind -b '' '(cn=bob*)' cn"
step ws1 "$s -H 'ldap://[$net6:10]' $bind -b $base '(cn=alice*)' cn"
step ws1 "ldbsearch -H ldap://$dc $alice --use-kerberos=off -b $base '(cn=bob*)' dn"
step ws1 "set -e; printf 'dn: CN=print room,CN=Users,$base\nobjectClass: contact\n' | ldapadd -H ldap://$dc $abind
  printf 'dn: CN=print room,CN=Users,$base\nchangetype: modify\nreplace: description\ndescription: second floor\n' | ldapmodify -H ldap://$dc $abind
  ldapcompare -H ldap://$dc $abind 'CN=print room,CN=Users,$base' 'description:second floor' || test \$? = 6
  ldapmodrdn -r -H ldap://$dc $abind 'CN=print room,CN=Users,$base' 'CN=copy room'; ldapdelete -H ldap://$dc $abind 'CN=copy room,CN=Users,$base'"
fails ws1 "$s -H ldap://$dc -x -D alice@$domain -w wrong -b $base"
fails ws1 "$s -H ldap://$dc -x -D nobody@$domain -w wrong -b $base"
fails ws1 "$s -H ldap://$dc $bind -b CN=nowhere,$base"
step ws1 "net ads info -S $dc; net ads lookup -S $dc; samba-tool domain info $net4.10"       # CLDAP
stop

# ---- SMB ---------------------------------------------------------------------------------------------
say "SMB"; capture dc-smb.pcapng; capture dc-smb-snap128.pcap -i eth0 -s 128
for m in NT1 SMB2_02 SMB2_10 SMB3_00 SMB3_11; do
  step ws1 "smbclient //$dc/sysvol $alice --use-kerberos=off -m $m -c 'ls; cd $domain; ls'"; done
step ws1 "smbclient //$dc/sysvol $alice --use-kerberos=required -c 'cd $domain/Policies; recurse; ls'"
step ws1 "smbclient //$dc/sysvol $alice --client-protection=encrypt -c ls"
step ws1 "seq 4000 > /tmp/numbers; smbclient //$dc/netlogon $admin -c 'put /tmp/numbers logon.bat; allinfo logon.bat; mkdir old; rename logon.bat old\\logon.bat; get old\\logon.bat /tmp/back; del old\\logon.bat; rmdir old' && cmp /tmp/numbers /tmp/back"
step ws1 "smbclient '//$net6:10/sysvol' $alice --use-kerberos=off -c ls"
step ws1 "smbclient -U% --use-kerberos=off -L $dc"
fails ws1 "smbclient //$dc/sysvol -U alice%wrong --use-kerberos=off -c ls"
fails ws1 "smbclient //$dc/nosuch $alice -c ls"
fails ws1 "smbclient -U% --use-kerberos=off //$dc/sysvol -c ls"
stop

# ---- RPC ---------------------------------------------------------------------------------------------
say "RPC"; capture dc-rpc.pcapng
step ws1 "rpcclient $dc $admin -c 'enumdomusers; enumdomgroups; queryuser alice; querydominfo; getdompwinfo; querygroupmem 0x200'"       # samr
step ws1 "rpcclient $dc $admin -c 'lsaquery; lookupnames alice bob; lookupsids S-1-5-32-544 S-1-1-0; enumprivs'"                          # lsarpc
step ws1 "rpcclient $dc $admin -c 'dsr_getdcname $domain; dsr_getsitename $dc; dsenumdomtrusts'"                                          # netlogon
step ws1 "rpcclient $dc $admin -c 'netshareenumall; srvinfo; netremotetod'"                                                               # srvsvc
attempt ws1 "rpcclient $dc $admin -c 'netsessenum'; rpcclient $dc $admin -c 'wkssvc_wkstagetinfo'; rpcclient $dc $admin -c 'dsroledominfo'"
step ws1 "samba-tool drs bind dc1 $admin; samba-tool drs options dc1 $admin; samba-tool drs showrepl dc1 $admin"                          # drsuapi
step ws1 "rpcclient 'ncacn_ip_tcp:${dc}[sign]' $admin -c 'enumdomusers' && rpcclient 'ncacn_ip_tcp:${dc}[seal]' $admin -c 'queryuser alice'"
step ws1 "rpcclient 'ncacn_ip_tcp:$dc' $alice --use-kerberos=required -c 'enumdomgroups'"
attempt ws1 "rpcclient ncacn_ip_tcp:$dc $admin -c 'epmmap lsarpc'"
step ws1 "net rpc user $admin -S $dc && net rpc group members staff $admin -S $dc && net rpc user add gina Walnut.Harbour4 $admin -S $dc && net rpc user delete gina $admin -S $dc"
attempt ws1 "net rpc service list $admin -S $dc; net rpc registry enumerate 'HKLM\\SOFTWARE' $admin -S $dc"
fails ws1 "rpcclient $dc -U alice%wrong --use-kerberos=off -c lsaquery"
fails ws1 "rpcclient $dc $admin -c 'queryuser nobody-here'"
stop

# ---- joining -----------------------------------------------------------------------------------------
say "joining"; capture dc-join.pcap
step ws1 "net ads join $admin --no-dns-updates && net ads testjoin"
step ws1 "net ads dns register -P && dig +short ws1.$domain | grep $net4.21"                   # GSS-TSIG
step ws2 "net rpc join $admin -S $dc && net rpc testjoin -S $dc"
fails ws2 "net ads join -U alice%wrong"
daemon ws1 winbindd -F --no-process-group
step ws1 "for i in {1..20}; do wbinfo -p && break; sleep 0.5; done; wbinfo -t && wbinfo -n alice && wbinfo -a '$netbios\\alice%$password'"
fails ws1 "wbinfo -a '$netbios\\alice%wrong'"
attempt ws1 "wbinfo -u; wbinfo --dsgetdcname=$domain; wbinfo --change-secret"
stop

# ---- NetBIOS and what a sensor asks of clients ---------------------------------------------------------
say "NetBIOS"; capture dc-netbios.pcap
daemon ws1 nmbd -F --no-process-group
step ws2 "sleep 3; nmblookup -B $net4.255 '$netbios#1c' && nmblookup -B $net4.255 DC1 && nmblookup -A $net4.10"
step dc1 "nmblookup -A $net4.21"
fails ws2 "nmblookup -B $net4.255 NOSUCH"
attempt ws2 "smbclient //DC1/sysvol -I $net4.10 -p 139 $alice --use-kerberos=off -m NT1 -c ls; smbclient -L $net4.10 -p 139 $alice -m SMB3"
attempt dc1 "for p in 135 3389; do timeout 2 bash -c \"</dev/tcp/$net4.21/\$p\"; done; sleep 4"      # refused; and nmbd announces itself
stop

# ---- RADIUS ------------------------------------------------------------------------------------------
say "RADIUS"; capture dc-radius.pcapng
step dc1 "cd /etc/freeradius/3.0; sed -i 's/^\(\s*\)\(user\|group\) = .*/\1\2 = root/' radiusd.conf
  printf 'client lab {\n ipaddr = $net4.0/24\n secret = lantern\n}\nclient lab6 {\n ipv6addr = $net6:/64\n secret = lantern\n}\n' >> clients.conf
  sed -i '1i alice Cleartext-Password := \"$password\"\n\tReply-Message = \"welcome\", Class = 0x6c6162, Session-Timeout = 3600, Framed-IP-Address = $net4.60\n' mods-config/files/authorize"
daemon dc1 freeradius -f -l stdout
ask="radclient -x -r 1 -t 4" who="User-Name=alice,NAS-IP-Address=$net4.21,NAS-Port=7,NAS-Identifier=vpn1,Calling-Station-Id=198.51.100.7"
step ws1 "sleep 3; echo '$who,User-Password=\"$password\"' | $ask $net4.10 auth lantern"
step ws1 "echo '$who,CHAP-Password=\"$password\"' | $ask $net4.10 auth lantern && echo '$who,MS-CHAP-Password=\"$password\"' | $ask $net4.10 auth lantern"
step ws1 "echo '$who,User-Password=\"$password\"' | $ask '[$net6:10]' auth lantern"
fails ws1 "echo '$who,User-Password=wrong' | $ask $net4.10 auth lantern"
fails ws1 "echo 'User-Name=nobody-here,User-Password=wrong' | $ask $net4.10 auth lantern"
for t in Start Interim-Update Stop; do
  step ws1 "echo '$who,Acct-Status-Type=$t,Acct-Session-Id=00000007,Framed-IP-Address=$net4.60,Acct-Session-Time=60,Acct-Input-Octets=1000,Acct-Output-Octets=2000' | $ask $net4.10 acct lantern"; done
step ws1 "printf 'network={\nkey_mgmt=IEEE8021X\neap=PEAP\nidentity=\"alice\"\nanonymous_identity=\"anonymous\"\npassword=\"$password\"\nphase2=\"auth=MSCHAPV2\"\n}\n' > /tmp/eap.conf; eapol_test -c /tmp/eap.conf -a $net4.10 -s lantern -t 8"
stop

# ---- RDP ---------------------------------------------------------------------------------------------
say "RDP"; capture dc-rdp.pcapng
step dc1 "sed -i 's/^EnableSyslog=.*/EnableSyslog=false/' /etc/xrdp/xrdp.ini"
daemon dc1 xrdp --nodaemon
rdp="timeout 4 xvfb-run -a xfreerdp /u:alice /d:$netbios /p:$password /cert:ignore /size:640x480 /bpp:16 /log-level:WARN"
step ws2 "for i in {1..20}; do (</dev/tcp/$net4.10/3389) && exit; sleep 0.3; done; exit 1"
attempt ws2 "$rdp /v:$net4.10 /sec:tls"
attempt ws2 "$rdp /v:$net4.10 /sec:rdp"
attempt ws2 "$rdp /v:$net4.10 /sec:nla"          # xrdp has no NLA and says so
step dc1 "pkill -9 xrdp"                         # or it talks to the clients that left until the next capture
stop

# ---- NTP and DHCP ------------------------------------------------------------------------------------
say "NTP and DHCP"; capture dc-ntp-dhcp.pcap
step dc1 "printf 'local stratum 3\nallow\nport 123\ncmdport 0\nntpsigndsocket /var/lib/samba/ntp_signd\npidfile /run/chronyd.pid\n' > /tmp/chrony.conf"
daemon dc1 chronyd -d -x -u root -f /tmp/chrony.conf                                    # -x: never touch the clock
sntp="chronyd -Q -x -u root -t 8 'pidfile /run/c.pid' 'cmdport 0' 'server $net4.10 iburst maxsamples 2'"
step ws2 "sleep 2; $sntp"
rid=$(on dc1 bash -c "ldbsearch -H /var/lib/samba/private/sam.ldb '(cn=ws1)' objectSid" | sed -n 's/^objectSid:.*-//p')
# MS-SNTP, which Debian has no client for: the request names the account's RID and leaves 16 bytes for the signature
step ws1 "python3 -c 'import socket,struct,time
now = time.time() + 2208988800
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3); s.connect((\"$net4.10\", 123))
s.send(b\"\\xdb\" + bytes(39) + struct.pack(\">II\", int(now), int(now % 1 * 2**32)) + struct.pack(\"<I\", $rid) + bytes(16))
assert len(s.recv(200)) == 68'"
daemon dc1 dnsmasq -k -p 0 -u root -C /dev/null -i eth0 --bind-interfaces --leasefile-ro --dhcp-authoritative --log-facility=- \
  --dhcp-range=$net4.100,$net4.150,10m --dhcp-option=option:domain-name,$domain --dhcp-option=option:dns-server,$net4.10
lease="-v -sf /bin/true -cf /tmp/dh.conf -lf /tmp/dh.leases -pf /tmp/dh.pid eth0"
step ws2 "printf 'send host-name \"ws2\";\nsend fqdn.fqdn \"ws2.$domain\";\nsend vendor-class-identifier \"MSFT 5.0\";\n' > /tmp/dh.conf; sleep 1
  touch /tmp/dh.leases; dhclient -1 $lease && sleep 1 && dhclient -r $lease"
stop

# ---- a morning: every protocol at once, little of each -------------------------------------------------
say "a morning"; capture dc-morning.pcapng
daemon dc1 xrdp --nodaemon
step ws2 "dhclient -1 $lease && dig _ldap._tcp.Default-First-Site-Name._sites.dc._msdcs.$domain SRV && dig $dc A && net ads lookup -S $dc && $sntp"
step ws2 "nmblookup -B $net4.255 DC1 && nmblookup -A $net4.10"
fails ws2 "echo wrong | kinit bob"
step ws2 "echo '$password' | kinit bob && kvno cifs/$dc && smbclient //$dc/sysvol --use-krb5-ccache=/tmp/krb5cc_0 -c 'cd $domain/Policies; ls'"
step ws2 "$s -H ldap://$dc -Y GSSAPI -b $base '(sAMAccountName=bob)' memberOf && $s -H ldaps://$dc $bind -b $base '(cn=alice*)' cn"
step ws2 "dig printer.$domain A"
fails ws2 "kvno nosuch/service.$domain"
step ws2 "printf '%s\n' '$password' Walnut.Harbour5 Walnut.Harbour5 | kpasswd bob"
step ws1 "wbinfo -a '$netbios\\alice%$password' && wbinfo --ping-dc"
step ws1 "$s -H ldap://$dc:3268 $bind -b '' '(cn=bob*)' cn && samba-tool drs bind dc1 $admin && rpcclient $dc $admin -c 'enumdomusers; queryuser bob'"
step ws1 "smbclient //$dc/netlogon $alice --use-kerberos=off -c ls && rpcclient $dc $alice -c 'lookupnames bob; netshareenumall'"
step ws1 "net ads dns register -P"
step ws1 "echo '$who,User-Password=\"$password\"' | $ask $net4.10 auth lantern && echo '$who,Acct-Status-Type=Start,Acct-Session-Id=00000008,Framed-IP-Address=$net4.60' | $ask $net4.10 acct lantern"
attempt ws1 "${rdp/timeout 4/timeout 2} /v:$net4.10 /sec:tls"
step dc1 "nmblookup -A $net4.21"
step ws2 "dhclient -r $lease"
stop

# ---- ways to record ----------------------------------------------------------------------------------
# On lo, and with offload on, the kernel leaves checksums unfinished; everywhere else in these captures they are true.
say "any interface, two interfaces, fragments, offload"; capture dc-any.pcap -i any; capture dc-two-interfaces.pcapng -i eth0 -i lo
step ws1 "dig $dc A; echo '$password' | kinit alice; $s -H ldap://$dc $bind -b $base '(cn=alice*)' cn"
step dc1 "dig $dc AAAA"; stop
capture dc-fragments.pcap
class=$(printf 'Class=0x%0480d,' {1..8})         # eight attributes of 240 bytes: more than one frame
for server in "$net4.10" "[$net6:10]"; do
  step ws1 "echo '$class$who,Acct-Status-Type=Stop,Acct-Session-Id=00000008' | $ask '$server' acct lantern; ping -c 1 -s 3000 $dc"; done
stop
offload dc1 on; offload ws1 on; capture dc-offload.pcap
step ws1 "seq 25000 > /tmp/numbers; smbclient //$dc/netlogon $admin --use-kerberos=off -c 'put /tmp/numbers big.bat; get big.bat /tmp/back; del big.bat'"
offload dc1 off; offload ws1 off; stop
