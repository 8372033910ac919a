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

/// What is looked for.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Ldap,
    LdapAnywhere,
    Kerberos,
    Catalog,
}

/// A client looks for domain controllers: SRV records of its site and of all. Argument: how many
/// queries, in the order of a computer that starts; 0 draws one search of a computer at work.
pub fn locate(stage: &mut Stage<'_>) {
    use Wanted::{Catalog, Kerberos, Ldap, LdapAnywhere};
    const START: [Wanted; 4] = [LdapAnywhere, Ldap, Kerberos, Catalog];
    let drawn = stage.random.unit();
    let count = stage.item.argument as usize;
    let wanted: &[Wanted] = match count {
        0 if drawn < KERBEROS_SHARE => &[Kerberos],
        0 if drawn < KERBEROS_SHARE + CATALOG_SHARE => &[Catalog],
        0 if drawn > 1.0 - WITHOUT_SITE_SHARE => &[LdapAnywhere, Ldap],
        0 | 1 => &[Ldap],
        count => START.get(..count).unwrap_or(&START),
    };
    let (near, site) = near(stage);
    let all: Vec<usize> = (0..stage.cast.estate.domain_controllers().len()).collect();
    for one in wanted {
        let (prefix, port, controllers) = match one {
            Ldap => (format!("_ldap._tcp.{site}._sites.dc._msdcs"), 389, &near),
            LdapAnywhere => ("_ldap._tcp.dc._msdcs".to_owned(), 389, &all),
            Kerberos => (format!("_kerberos._tcp.{site}._sites.dc._msdcs"), 88, &near),
            Catalog => (format!("_gc._tcp.{site}._sites"), 3_268, &near),
        };
        offered(stage, &prefix, port, controllers);
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
