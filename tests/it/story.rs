//! The activities of the lab captures tell what the lab script did: each of its commands is found
//! again.
//!
//! The table below has a row for every command of `captures/lab/scenarios.sh` that runs while
//! something is recorded. A row names a piece of the command, so that a command that changes, or
//! is new, needs a new row.

use std::path::Path;

use headroom::capture::{CaptureSet, Options};
use headroom::record::Activity;
use headroom::sensor;

/// Kind, and what principal, target and detail contain, and the outcome: `success`, a failure's
/// code name, or another outcome.
type Did = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// A piece of a command, and what must be found of it.
type Command = (&'static str, &'static [Did]);

/// A capture, and the commands that ran while it was recorded.
type Scenario = (&'static str, &'static [Command]);

const KERBEROS_ALICE: Did =
    ("kerberos_logon", "alice@LAB.EXAMPLE", "krbtgt/LAB.EXAMPLE", "PA-ENC-TIMESTAMP", "success");
const NTLM_ALICE: Did = ("ntlm_logon", r"LAB\alice", "", "NTLMv2 from WS1", "success");
const NTLM_FAILED: Did =
    ("ntlm_logon", r"LAB\alice", "", "NTLMv2 from WS1", "STATUS_LOGON_FAILURE");
const SYSVOL: Did = ("share_access", r"LAB\alice", "sysvol", "TREE_CONNECT", "success");
const SIMPLE_ALICE: Did = ("ldap_clear_text_bind", "alice@lab.example", "", "simple", "success");

const STORY: &[Scenario] = &[
    (
        "dc-dns.pcapng",
        &[
            (
                "dig +time=2 +tries=2 $q",
                &[
                    ("dns_query", "", "_ldap._tcp.dc._msdcs.lab.example", "SRV", "success"),
                    ("dns_query", "", "_kerberos._udp.lab.example", "SRV", "success"),
                    ("dns_query", "", "_gc._tcp.lab.example", "SRV", "success"),
                    ("dns_lookup", "", "dc1.lab.example", "A", "success"),
                    ("dns_lookup", "", "dc1.lab.example", "AAAA", "success"),
                    ("dns_lookup", "", "lab.example", "SOA", "success"),
                    ("dns_query", "", "lab.example", "NS", "success"),
                    ("dns_query", "", "lab.example", "ANY", "success"),
                    ("dns_query", "", "_ldap._tcp.lab.example", "SRV", "success"),
                    ("dns_lookup", "", "nosuch.lab.example", "A", "NXDOMAIN"),
                    ("dns_lookup", "", "wpad.lab.example", "A", "NXDOMAIN"),
                ],
            ),
            (
                "samba-tool dns zonecreate",
                &[
                    ("remote_call", "", "dnsserver", "ept_map", "success"),
                    (
                        "remote_call",
                        "Administrator@LAB.EXAMPLE",
                        "",
                        "R_DnssrvOperation2",
                        "success",
                    ),
                    ("remote_call", "", "", "R_DnssrvUpdateRecord2", "success"),
                ],
            ),
            (
                "dig +time=2 -x",
                &[
                    ("dns_lookup", "", "10.0.77.10.in-addr.arpa", "PTR", "success"),
                    ("dns_lookup", "", "99.0.77.10.in-addr.arpa", "PTR", "NXDOMAIN"),
                ],
            ),
            (
                "kinit Administrator",
                &[(
                    "kerberos_logon",
                    "Administrator@LAB.EXAMPLE",
                    "krbtgt",
                    "PA-ENC-TIMESTAMP",
                    "success",
                )],
            ),
            ("nsupdate -g", &[("dns_update", "", "up.lab.example", "A", "success")]),
            ("nsupdate\"", &[("dns_update", "", "down.lab.example", "A", "REFUSED")]),
            (
                "-p 5353",
                &[
                    ("local_name_query", "", "ws2.local", "A", "success"),
                    ("local_name_query", "", "ws9", "A", "unknown"),
                ],
            ),
        ],
    ),
    (
        "dc-kerberos.pcap",
        &[
            (
                "kvno cifs/$dc ldap/$dc host/$dc",
                &[
                    KERBEROS_ALICE,
                    (
                        "service_ticket",
                        "alice@LAB.EXAMPLE",
                        "cifs/dc1.lab.example",
                        "aes256",
                        "success",
                    ),
                    (
                        "service_ticket",
                        "alice@LAB.EXAMPLE",
                        "ldap/dc1.lab.example",
                        "aes256",
                        "success",
                    ),
                    (
                        "service_ticket",
                        "alice@LAB.EXAMPLE",
                        "host/dc1.lab.example",
                        "aes256",
                        "success",
                    ),
                    (
                        "service_ticket",
                        "alice@LAB.EXAMPLE",
                        "MSSQLSvc/db.lab.example:1433",
                        "rc4",
                        "success",
                    ),
                ],
            ),
            (
                "kvno nosuch/service",
                &[(
                    "service_ticket",
                    "alice@LAB.EXAMPLE",
                    "nosuch/service",
                    "",
                    "KDC_ERR_S_PRINCIPAL_UNKNOWN",
                )],
            ),
            (
                "kinit -R",
                &[("service_ticket", "alice", "krbtgt/LAB.EXAMPLE", "renewal", "success")],
            ),
            (
                "echo wrong | kinit alice",
                &[(
                    "kerberos_logon",
                    "alice@",
                    "krbtgt",
                    "PA-ENC-TIMESTAMP",
                    "KDC_ERR_PREAUTH_FAILED",
                )],
            ),
            (
                "kinit nobody-here",
                &[("kerberos_logon", "nobody-here@", "", "", "KDC_ERR_C_PRINCIPAL_UNKNOWN")],
            ),
            ("kinit dora", &[("kerberos_logon", "dora@", "", "", "KDC_ERR_CLIENT_REVOKED")]),
            (
                "kinit erik; done",
                &[
                    ("kerberos_logon", "erik@", "", "", "KDC_ERR_PREAUTH_FAILED"),
                    ("kerberos_logon", "erik@", "", "", "KDC_ERR_CLIENT_REVOKED"),
                ],
            ),
            ("kinit frank", &[("kerberos_logon", "frank@LAB.EXAMPLE", "krbtgt", "", "success")]),
            (
                "kpasswd carol",
                &[
                    ("kerberos_logon", "carol@", "kadmin/changepw", "", "success"),
                    ("password_change", "carol@LAB.EXAMPLE", "", "change password", "unknown"),
                ],
            ),
            (
                "kinit -E alice@$domain",
                &[("kerberos_logon", "alice@lab.example@LAB.EXAMPLE", "", "", "success")],
            ),
            (
                "six.conf kvno",
                &[
                    ("kerberos_logon", "bob@LAB.EXAMPLE", "krbtgt", "PA-ENC-TIMESTAMP", "success"),
                    (
                        "service_ticket",
                        "bob@LAB.EXAMPLE",
                        "cifs/dc1.lab.example",
                        "aes256",
                        "success",
                    ),
                ],
            ),
        ],
    ),
    (
        "dc-ldap.pcapng",
        &[
            (
                "-x -s base -b ''",
                &[
                    ("ldap_bind", "", "", "anonymous", "success"),
                    ("ldap_query", "", "rootDSE", "baseObject", "success"),
                ],
            ),
            (
                "sAMAccountName=a*",
                &[
                    SIMPLE_ALICE,
                    ("ldap_query", "alice@", "DC=lab,DC=example", "sAMAccountName=a*", "success"),
                ],
            ),
            (
                "pr=25/noprompt",
                &[("ldap_query", "alice@", "DC=lab,DC=example", "objectClass=group", "success")],
            ),
            (
                "servicePrincipalName=MSSQL*",
                &[("ldap_query", "alice@", "", "servicePrincipalName=MSSQL*", "success")],
            ),
            (
                "-O maxssf=0",
                &[
                    ("service_ticket", "alice@LAB.EXAMPLE", "ldap/dc1.lab.example", "", "success"),
                    (
                        "kerberos_access",
                        "alice@LAB.EXAMPLE",
                        "ldap/dc1.lab.example",
                        "aes256",
                        "success",
                    ),
                    ("ldap_bind", "alice@LAB.EXAMPLE", "", "GSSAPI", "success"),
                    ("ldap_query", "alice@LAB.EXAMPLE", "DC=lab,DC=example", "cn=bob*", "success"),
                ],
            ),
            ("-ZZ $bind", &[("tls_handshake", "", "dc1.lab.example", "TLS 1.3", "success")]),
            (
                "-H ldaps://$dc:3269",
                &[("tls_handshake", "", "dc1.lab.example", "TLS 1.3", "success")],
            ),
            (
                "ldap://[$net6:10]",
                &[("ldap_query", "alice@", "DC=lab,DC=example", "cn=alice*", "success")],
            ),
            (
                "ldbsearch -H ldap://$dc",
                &[
                    ("ntlm_logon", r"LAB\alice", "ldap", "NTLMv2 from WS1", "success"),
                    ("ldap_bind", r"LAB\alice", "", "GSS-SPNEGO", "success"),
                ],
            ),
            (
                "ldapadd -H",
                &[
                    ("ldap_change", "Administrator@", "CN=print room", "add", "success"),
                    (
                        "ldap_change",
                        "Administrator@",
                        "CN=print room",
                        "modify replace:description",
                        "success",
                    ),
                    (
                        "ldap_change",
                        "Administrator@",
                        "CN=print room",
                        "modifyDN CN=copy room",
                        "success",
                    ),
                    ("ldap_change", "Administrator@", "CN=copy room", "delete", "success"),
                ],
            ),
            (
                "-D alice@$domain -w wrong",
                &[("ldap_clear_text_bind", "alice@", "", "data 52e", "invalidCredentials")],
            ),
            (
                "-D nobody@$domain",
                &[("ldap_clear_text_bind", "nobody@", "", "data 52e", "invalidCredentials")],
            ),
            ("CN=nowhere", &[("ldap_query", "alice@", "CN=nowhere", "", "noSuchObject")]),
            (
                "net ads info -S",
                &[(
                    "netlogon_ping",
                    "",
                    "",
                    "DC=dc1.lab.example Site=Default-First-Site-Name",
                    "success",
                )],
            ),
        ],
    ),
    (
        "dc-smb.pcapng",
        &[
            (
                "-m $m -c",
                &[
                    NTLM_ALICE,
                    SYSVOL,
                    ("share_access", r"LAB\alice", "SYSVOL", "TREE_CONNECT_ANDX", "success"),
                ],
            ),
            (
                "--use-kerberos=required -c",
                &[
                    ("service_ticket", "alice@LAB.EXAMPLE", "cifs/dc1.lab.example", "", "success"),
                    (
                        "kerberos_access",
                        "alice@LAB.EXAMPLE",
                        "cifs/dc1.lab.example",
                        "aes256",
                        "success",
                    ),
                    ("share_access", "alice@LAB.EXAMPLE", "sysvol", "TREE_CONNECT", "success"),
                ],
            ),
            // The share is asked for inside the encryption; who asks is seen.
            (
                "--client-protection=encrypt",
                &[("kerberos_access", "alice@LAB.EXAMPLE", "cifs/dc1.lab.example", "", "success")],
            ),
            (
                "numbers logon.bat",
                &[
                    (
                        "file_copy",
                        "Administrator@LAB.EXAMPLE",
                        r"netlogon\logon.bat",
                        "write",
                        "success",
                    ),
                    (
                        "file_copy",
                        "Administrator@LAB.EXAMPLE",
                        r"netlogon\old\logon.bat",
                        "read",
                        "success",
                    ),
                ],
            ),
            (
                "//$net6:10/sysvol",
                &[("share_access", r"LAB\alice", r"\\fd77::10\sysvol", "TREE_CONNECT", "success")],
            ),
            (
                "-L $dc",
                &[
                    ("ntlm_logon", "ANONYMOUS LOGON", "", "", "success"),
                    (
                        "server_query",
                        "ANONYMOUS LOGON",
                        "dc1.lab.example",
                        "NetrShareEnum",
                        "success",
                    ),
                ],
            ),
            ("-U alice%wrong --use-kerberos=off -c ls", &[NTLM_FAILED]),
            ("//$dc/nosuch", &[("share_access", "", "nosuch", "", "STATUS_BAD_NETWORK_NAME")]),
            (
                "--use-kerberos=off //$dc/sysvol",
                &[("share_access", "ANONYMOUS LOGON", "sysvol", "", "STATUS_ACCESS_DENIED")],
            ),
        ],
    ),
    (
        "dc-rpc.pcapng",
        &[
            (
                "enumdomusers; enumdomgroups; queryuser alice",
                &[
                    (
                        "samr_query",
                        "Administrator@LAB.EXAMPLE",
                        "LAB",
                        "SamrLookupDomainInSamServer",
                        "success",
                    ),
                    (
                        "samr_query",
                        "Administrator@LAB.EXAMPLE",
                        "S-1-5-21-",
                        "SamrOpenDomain",
                        "success",
                    ),
                    (
                        "samr_query",
                        "Administrator@LAB.EXAMPLE",
                        "",
                        "SamrEnumerateUsersInDomain",
                        "success",
                    ),
                    (
                        "samr_query",
                        "Administrator@LAB.EXAMPLE",
                        "",
                        "SamrEnumerateGroupsInDomain",
                        "success",
                    ),
                    (
                        "samr_query",
                        "Administrator@LAB.EXAMPLE",
                        "alice",
                        "SamrLookupNamesInDomain",
                        "success",
                    ),
                    (
                        "samr_query",
                        "Administrator@LAB.EXAMPLE",
                        "",
                        "SamrQueryInformationUser",
                        "success",
                    ),
                    (
                        "samr_query",
                        "Administrator@LAB.EXAMPLE",
                        "",
                        "SamrQueryInformationDomain",
                        "success",
                    ),
                    (
                        "samr_query",
                        "Administrator@LAB.EXAMPLE",
                        "",
                        "SamrGetDomainPasswordInformation",
                        "success",
                    ),
                    (
                        "samr_query",
                        "Administrator@LAB.EXAMPLE",
                        "RID 512",
                        "SamrOpenGroup",
                        "success",
                    ),
                    (
                        "samr_query",
                        "Administrator@LAB.EXAMPLE",
                        "",
                        "SamrGetMembersInGroup",
                        "success",
                    ),
                ],
            ),
            (
                "lsaquery; lookupnames alice bob",
                &[
                    (
                        "lsa_query",
                        "Administrator@LAB.EXAMPLE",
                        "",
                        "LsarQueryInformationPolicy",
                        "success",
                    ),
                    (
                        "lsa_lookup",
                        "Administrator@LAB.EXAMPLE",
                        "alice, bob",
                        "LsarLookupNames",
                        "success",
                    ),
                    (
                        "lsa_lookup",
                        "Administrator@LAB.EXAMPLE",
                        "S-1-5-32-544, S-1-1-0",
                        "LsarLookupSids",
                        "success",
                    ),
                    (
                        "lsa_query",
                        "Administrator@LAB.EXAMPLE",
                        "",
                        "LsarEnumeratePrivileges",
                        "success",
                    ),
                ],
            ),
            (
                "dsr_getdcname $domain",
                &[
                    (
                        "netlogon_call",
                        "Administrator@LAB.EXAMPLE",
                        "dc1.lab.example",
                        "DsrGetDcName",
                        "success",
                    ),
                    ("netlogon_call", "Administrator@LAB.EXAMPLE", "", "DsrGetSiteName", "success"),
                    (
                        "netlogon_call",
                        "Administrator@LAB.EXAMPLE",
                        "",
                        "DsrEnumerateDomainTrusts",
                        "success",
                    ),
                ],
            ),
            (
                "netshareenumall; srvinfo; netremotetod",
                &[
                    (
                        "server_query",
                        "Administrator@LAB.EXAMPLE",
                        "dc1.lab.example",
                        "NetrShareEnum",
                        "success",
                    ),
                    (
                        "server_query",
                        "Administrator@LAB.EXAMPLE",
                        "DC1.LAB.EXAMPLE",
                        "NetrServerGetInfo",
                        "success",
                    ),
                    (
                        "server_query",
                        "Administrator@LAB.EXAMPLE",
                        "DC1.LAB.EXAMPLE",
                        "NetrRemoteTOD",
                        "success",
                    ),
                ],
            ),
            (
                "'netsessenum'",
                &[
                    (
                        "session_enumeration",
                        "Administrator@LAB.EXAMPLE",
                        "dc1.lab.example",
                        "NetrSessionEnum",
                        "success",
                    ),
                    (
                        "server_query",
                        "Administrator@LAB.EXAMPLE",
                        "dc1.lab.example",
                        "NetrWkstaGetInfo",
                        "success",
                    ),
                    ("remote_call", "", "", "DsRolerGetPrimaryDomainInformation", "success"),
                ],
            ),
            (
                "samba-tool drs bind dc1 $admin; samba-tool drs options",
                &[
                    ("remote_call", "", "drsuapi", "ept_map", "success"),
                    ("directory_query", "Administrator@LAB.EXAMPLE", "", "IDL_DRSBind", "unknown"), // sealed
                    (
                        "directory_query",
                        "Administrator@LAB.EXAMPLE",
                        "",
                        "IDL_DRSGetReplInfo",
                        "unknown",
                    ),
                ],
            ),
            (
                "[sign]' $admin",
                &[
                    (
                        "samr_query",
                        r"LAB\Administrator",
                        "",
                        "SamrEnumerateUsersInDomain",
                        "success",
                    ),
                    ("samr_query", r"LAB\Administrator", "", "SamrQueryInformationUser", "unknown"), // sealed
                ],
            ),
            (
                "--use-kerberos=required -c 'enumdomgroups'",
                &[(
                    "samr_query",
                    "Administrator@LAB.EXAMPLE",
                    "",
                    "SamrEnumerateGroupsInDomain",
                    "success",
                )],
            ),
            ("epmmap lsarpc", &[("remote_call", "", "lsarpc", "ept_map", "success")]),
            (
                "net rpc user add gina",
                &[
                    (
                        "samr_query",
                        "Administrator@LAB.EXAMPLE",
                        "",
                        "SamrQueryDisplayInformation2",
                        "success",
                    ),
                    (
                        "samr_query",
                        "Administrator@LAB.EXAMPLE",
                        "staff",
                        "SamrLookupNamesInDomain",
                        "success",
                    ),
                    (
                        "samr_change",
                        "Administrator@LAB.EXAMPLE",
                        "gina",
                        "SamrCreateUser2InDomain",
                        "success",
                    ),
                    ("samr_change", "Administrator@LAB.EXAMPLE", "", "SamrDeleteUser", "success"),
                ],
            ),
            (
                "net rpc service list",
                &[
                    (
                        "service_query",
                        "Administrator@LAB.EXAMPLE",
                        "",
                        "REnumServicesStatusW",
                        "success",
                    ),
                    (
                        "remote_registry",
                        "Administrator@LAB.EXAMPLE",
                        "SOFTWARE",
                        "BaseRegOpenKey",
                        "success",
                    ),
                ],
            ),
            ("-c lsaquery", &[NTLM_FAILED]),
            (
                "queryuser nobody-here",
                &[(
                    "samr_query",
                    "Administrator@LAB.EXAMPLE",
                    "nobody-here",
                    "SamrLookupNamesInDomain",
                    "STATUS_NONE_MAPPED",
                )],
            ),
        ],
    ),
    (
        "dc-join.pcap.gz",
        &[
            (
                "net ads join $admin",
                &[
                    ("ntlm_logon", r"LAB.EXAMPLE\Administrator", "", "from WS1", "success"),
                    ("netlogon_call", "", "WS1$", "NetrServerAuthenticate3", "success"),
                ],
            ),
            ("dig +short ws1.$domain", &[("dns_update", "", "ws1.lab.example", "", "success")]),
            (
                "net rpc join $admin",
                &[
                    ("ntlm_logon", r"LAB\Administrator", "", "from WS2", "success"),
                    ("netlogon_call", "", "WS2$", "NetrServerAuthenticate3", "success"),
                ],
            ),
            (
                "net ads join -U alice%wrong",
                &[("ntlm_logon", r"LAB.EXAMPLE\alice", "", "from WS2", "STATUS_LOGON_FAILURE")],
            ),
            // winbind asks over a sealed secure channel: that somebody is validated is seen, not who.
            (
                "wbinfo -a '$netbios\\\\alice%$password'\"",
                &[
                    ("lsa_lookup", "", "", "LsarLookupNames", "unknown"),
                    ("credential_validation", r"LAB\WS1$", "", "NetrLogonSamLogon", "unknown"),
                ],
            ),
            (
                "wbinfo -a '$netbios\\\\alice%wrong'",
                &[("credential_validation", r"LAB\WS1$", "", "NetrLogonSamLogon", "unknown")],
            ),
            (
                "wbinfo --change-secret",
                &[("netlogon_call", r"LAB\WS1$", "", "NetrServer", "unknown")],
            ),
        ],
    ),
    (
        "dc-netbios.pcap",
        &[
            (
                "nmblookup -B $net4.255 '$netbios#1c'",
                &[
                    ("local_name_query", "", "LAB<1c>", "query NB", "success"),
                    ("local_name_query", "", "DC1<00>", "query NB", "success"),
                    ("local_name_query", "", "*<00>", "query NBSTAT", "success"),
                ],
            ),
            (
                "nmblookup -A $net4.21",
                &[("local_name_query", "", "*<00>", "query NBSTAT", "success")],
            ),
            ("$net4.255 NOSUCH", &[("local_name_query", "", "NOSUCH<00>", "query NB", "unknown")]),
            (
                "-p 139 $alice",
                &[
                    ("ntlm_logon", r"LAB\alice", "", "NTLMv2 from WS2", "success"),
                    ("share_access", r"LAB\alice", r"\\DC1\SYSVOL", "", "success"),
                    ("server_query", r"LAB\alice", "10.77.0.10", "NetrShareEnum", "success"),
                ],
            ),
            // Connections that are refused have nothing to say; the announcement has.
            (
                "for p in 135 3389",
                &[("local_name_query", "", "WS1", "HostAnnouncement", "unknown")],
            ),
        ],
    ),
    (
        "dc-radius.pcapng",
        &[
            (
                "sleep 3; echo '$who",
                &[("radius_logon", "alice", "vpn1", "Access-Request PAP", "success")],
            ),
            (
                "CHAP-Password",
                &[
                    ("radius_logon", "alice", "vpn1", "Access-Request CHAP", "success"),
                    ("radius_logon", "alice", "vpn1", "Access-Request MS-CHAP", "success"),
                ],
            ),
            (
                "$ask '[$net6:10]' auth",
                &[("radius_logon", "alice", "vpn1", "Access-Request PAP", "success")],
            ),
            (
                "'$who,User-Password=wrong'",
                &[("radius_logon", "alice", "vpn1", "", "Access-Reject")],
            ),
            ("User-Name=nobody-here", &[("radius_logon", "nobody-here", "", "", "Access-Reject")]),
            (
                "Acct-Status-Type=$t",
                &[
                    ("vpn_session", "alice", "10.77.0.60", "Start", "success"),
                    ("vpn_session", "alice", "10.77.0.60", "Interim-Update", "success"),
                    ("vpn_session", "alice", "10.77.0.60", "Stop", "success"),
                ],
            ),
            ("eapol_test", &[("radius_logon", "anonymous", "", "EAP", "success")]),
        ],
    ),
    (
        "dc-rdp.pcapng.zst",
        &[
            // A connection that is closed at once says nothing.
            ("3389) && exit", &[]),
            ("/sec:tls", &[("rdp_attempt", "alice", "", "PROTOCOL_SSL", "success")]),
            ("/sec:rdp", &[("rdp_attempt", "alice", "", "PROTOCOL_RDP from ws2", "success")]),
            ("/sec:nla", &[("rdp_attempt", "alice", "", "PROTOCOL_HYBRID", "success")]),
        ],
    ),
    (
        "dc-ntp-dhcp.pcap",
        &[
            ("sleep 2; $sntp", &[("time_request", "", "", "client", "success")]),
            ("import socket,struct,time", &[("time_request", "", "", "signed for RID", "success")]),
            (
                "dhclient -1 $lease && sleep 1",
                &[("address_lease", "ws2", "10.77.0.1", "DHCPREQUEST", "success")],
            ),
        ],
    ),
    (
        "dc-morning.pcapng",
        &[
            (
                "_sites.dc._msdcs.$domain SRV",
                &[
                    ("address_lease", "ws2", "10.77.0.1", "DHCPREQUEST", "success"),
                    (
                        "dns_query",
                        "",
                        "Default-First-Site-Name._sites.dc._msdcs.lab.example",
                        "SRV",
                        "success",
                    ),
                    ("netlogon_ping", "", "", "DC=dc1.lab.example", "success"),
                    ("time_request", "", "", "client", "success"),
                ],
            ),
            (
                "DC1 && nmblookup -A",
                &[
                    ("local_name_query", "", "DC1<00>", "query NB", "success"),
                    ("local_name_query", "", "*<00>", "query NBSTAT", "success"),
                ],
            ),
            (
                "echo wrong | kinit bob",
                &[("kerberos_logon", "bob@", "krbtgt", "", "KDC_ERR_PREAUTH_FAILED")],
            ),
            (
                "krb5cc_0 -c",
                &[
                    ("kerberos_logon", "bob@", "krbtgt", "", "success"),
                    ("service_ticket", "bob@", "cifs/dc1.lab.example", "", "success"),
                    ("share_access", "bob@LAB.EXAMPLE", "sysvol", "TREE_CONNECT", "success"),
                ],
            ),
            (
                "(sAMAccountName=bob)",
                &[
                    ("ldap_bind", "bob@LAB.EXAMPLE", "", "GSSAPI", "success"),
                    ("tls_handshake", "", "dc1.lab.example", "TLS 1.3", "success"),
                ],
            ),
            ("dig printer.$domain", &[("dns_lookup", "", "printer.lab.example", "A", "NXDOMAIN")]),
            (
                "kvno nosuch/service",
                &[("service_ticket", "bob@", "nosuch/service", "", "KDC_ERR_S_PRINCIPAL_UNKNOWN")],
            ),
            (
                "kpasswd bob",
                &[("password_change", "bob@LAB.EXAMPLE", "", "change password", "unknown")],
            ),
            // Its connection began before the recording; who seals it tells what is asked.
            ("--ping-dc", &[("netlogon_call", "", "", "NetrLogonControl", "unknown")]),
            (
                "ldap://$dc:3268 $bind -b '' '(cn=bob*)'",
                &[
                    ("ldap_query", "alice@", "", "cn=bob*", "success"),
                    ("directory_query", "Administrator@LAB.EXAMPLE", "", "IDL_DRSBind", "unknown"),
                    (
                        "samr_query",
                        "Administrator@LAB.EXAMPLE",
                        "bob",
                        "SamrLookupNamesInDomain",
                        "success",
                    ),
                ],
            ),
            (
                "//$dc/netlogon $alice",
                &[
                    ("share_access", r"LAB\alice", "netlogon", "TREE_CONNECT", "success"),
                    ("lsa_lookup", "alice@LAB.EXAMPLE", "bob", "LsarLookupNames", "success"),
                    (
                        "server_query",
                        "alice@LAB.EXAMPLE",
                        "dc1.lab.example",
                        "NetrShareEnum",
                        "success",
                    ),
                ],
            ),
            ("net ads dns register -P\"", &[("dns_update", "", "ws1.lab.example", "", "success")]),
            (
                "Acct-Session-Id=00000008,Framed",
                &[
                    ("radius_logon", "alice", "vpn1", "", "success"),
                    ("vpn_session", "alice", "10.77.0.60", "Start", "success"),
                ],
            ),
            (
                "timeout 2} /v:$net4.10 /sec:tls",
                &[("rdp_attempt", "alice", "", "PROTOCOL_SSL", "success")],
            ),
            (
                "nmblookup -A $net4.21",
                &[("local_name_query", "", "*<00>", "query NBSTAT", "success")],
            ),
            // A release has no answer and asks for nothing.
            ("dhclient -r $lease\"", &[]),
        ],
    ),
    (
        "dc-any.pcap",
        &[
            ("dig $dc A; echo", &[KERBEROS_ALICE, SIMPLE_ALICE]),
            ("dig $dc AAAA", &[("dns_lookup", "", "dc1.lab.example", "AAAA", "success")]),
        ],
    ),
    ("dc-two-interfaces.pcapng", &[]),
    (
        "dc-fragments.pcap",
        &[("ping -c 1 -s 3000", &[("vpn_session", "alice", "vpn1", "Stop", "success")])],
    ),
    (
        "dc-offload.pcap",
        &[(
            "numbers big.bat",
            &[
                ("file_copy", r"LAB\Administrator", r"netlogon\big.bat", "write", "success"),
                ("file_copy", r"LAB\Administrator", r"netlogon\big.bat", "read", "success"),
            ],
        )],
    ),
];

#[test]
fn every_command_of_the_lab_is_found_again() {
    let mut missing = Vec::new();
    for (capture, commands) in STORY {
        let found = activities(capture);
        for (command, wanted) in *commands {
            for did in wanted.iter().filter(|did| !found.iter().any(|row| is(row, did))) {
                missing.push(format!("{capture}: {command}: {did:?}"));
            }
        }
    }
    assert!(missing.is_empty(), "not found:\n{}", missing.join("\n"));
}

#[test]
fn every_command_of_the_lab_has_its_row() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/lab");
    let script = std::fs::read_to_string(folder.join("scenarios.sh")).unwrap();
    let mut wrong = Vec::new();
    let mut recorded: Vec<&str> = Vec::new();
    for line in script.lines().map(str::trim) {
        if let Some((_, files)) = line.split_once("capture dc-") {
            recorded = std::iter::once(files)
                .chain(files.split("capture dc-").skip(1))
                .filter_map(|rest| rest.split([' ', ';']).next())
                .collect();
        }
        let runs = ["step ", "fails ", "attempt "].iter().any(|word| line.starts_with(word));
        if runs && !recorded.is_empty() && acts(line) && !is_told(&recorded, line) {
            wrong.push(format!("{recorded:?}: {line}"));
        }
        if line == "stop" || line.ends_with("; stop") {
            recorded.clear();
        }
    }
    assert!(wrong.is_empty(), "no row for:\n{}", wrong.join("\n"));
}

/// Whether a command sends anything: not those that write configuration or end a daemon, and of a
/// command over two lines the second has the row.
fn acts(line: &str) -> bool {
    let quiet = ["sed -i", "printf '[server]", "printf 'local stratum", "printf 'send", "pkill"];
    !quiet.iter().any(|quiet| line.contains(quiet))
}

fn is_told(recorded: &[&str], line: &str) -> bool {
    let scenarios = STORY.iter().filter(|(capture, _)| {
        recorded.iter().any(|name| capture.strip_prefix("dc-").unwrap().starts_with(name))
    });
    scenarios.flat_map(|(_, commands)| *commands).any(|(command, _)| line.contains(command))
}

fn is(row: &[String; 5], (kind, principal, target, detail, outcome): &Did) -> bool {
    let [k, p, t, d, o] = row;
    k == kind
        && p.contains(principal)
        && t.contains(target)
        && d.contains(detail)
        && (outcome.is_empty() || o == outcome)
}

/// Kind, principal, target, detail and outcome of each activity.
fn activities(capture: &str) -> Vec<[String; 5]> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(capture);
    let mut set = CaptureSet::open(&[path], Options::default()).unwrap();
    let mut found = Vec::new();
    let rows = |row: &Activity<'_>| {
        let text = |field: Option<&str>| field.unwrap_or_default().to_owned();
        let outcome = row.code_name.unwrap_or(row.outcome).to_owned();
        let (principal, target, detail) = (text(row.principal), text(row.target), text(row.detail));
        found.push([row.kind.to_owned(), principal, target, detail, outcome]);
    };
    let options = sensor::Options { threads: 2, ..sensor::Options::default() };
    sensor::observe(&mut set, &options, &|_| (), Some(Box::new(rows))).unwrap();
    found
}
