//! How a client finds its domain controllers: \[MS-ADTS\] section 6.3.6.

use super::inside::offered;
use crate::synth::Stage;

/// Share of searches that begin without a site, as after a move, and then go on in the site that
/// the first controller names. Assumed.
const WITHOUT_SITE_SHARE: f64 = 0.2;
/// Share of searches that want a key distribution centre, and share that want a global catalog;
/// the others want LDAP. Assumed.
const KERBEROS_SHARE: f64 = 0.25;
const CATALOG_SHARE: f64 = 0.1;

/// A client looks for domain controllers: SRV records of its site and of all. Argument: 0 draws
/// what it wants, 1 LDAP in the site, 2 LDAP anywhere, 3 Kerberos in the site, 4 a global
/// catalog of the site.
pub fn locate(stage: &mut Stage<'_>) {
    let (near, site) = near(stage);
    let all: Vec<usize> = (0..stage.cast.estate.domain_controllers().len()).collect();
    let drawn = stage.random.unit();
    let wanted = match stage.item.argument {
        0 if drawn < KERBEROS_SHARE => 3,
        0 if drawn < KERBEROS_SHARE + CATALOG_SHARE => 4,
        0 if drawn > 1.0 - WITHOUT_SITE_SHARE => 5,
        0 => 1,
        argument => argument,
    };
    if matches!(wanted, 2 | 5) {
        offered(stage, "_ldap._tcp.dc._msdcs", 389, &all);
    }
    match wanted {
        1 | 5 => offered(stage, &format!("_ldap._tcp.{site}._sites.dc._msdcs"), 389, &near),
        3 => offered(stage, &format!("_kerberos._tcp.{site}._sites.dc._msdcs"), 88, &near),
        4 => offered(stage, &format!("_gc._tcp.{site}._sites"), 3_268, &near),
        _ => {}
    }
}

/// Controllers that serve the client's site, and the site's name. One that has none is covered
/// by those of another (`AutoSiteCoverage`), which register for it.
fn near(stage: &Stage<'_>) -> (Vec<usize>, String) {
    let estate = &stage.cast.estate;
    let at = stage.cast.client(stage.item.client).site as usize;
    let site = estate.sites().get(at);
    let served_by = site.map(|site| site.served_by);
    let controllers = estate.domain_controllers().iter().enumerate();
    let near = controllers.filter(|(_, dc)| dc.site == served_by).map(|(at, _)| at).collect();
    (near, site.map_or_else(String::new, |site| site.name.clone()))
}
