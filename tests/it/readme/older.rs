//! What `docs/compat/` shows for trying the interfaces of older systems, pasted into bash as it stands.

use std::collections::HashMap;

use goldcrest::compat::ADAPTERS;

use super::tour::{give_what_they_show, steps};
use super::{page, section};
use crate::support::FreeAddress;

#[tokio::test]
async fn every_older_system_can_be_tried_as_its_page_shows() {
    let tries = ADAPTERS.iter().map(|adapter| tried(adapter.name));
    futures_util::future::join_all(tries).await;
}

async fn tried(name: &str) {
    let page = page(&format!("docs/compat/{name}.md"));
    let mut steps = steps(section(&page, "## Trying it out"));
    assert!(steps.len() > 2 && steps.iter().any(|step| step.shown.contains('{') || step.shown.contains('1')), "{name}");
    // Where nobody else is; what listens at 8080 by itself is told to listen there too.
    let mut ports: HashMap<&str, FreeAddress> = HashMap::new();
    let typed: String = steps.iter().map(|step| step.typed.as_str()).collect();
    for place in ["127.0.0.1:", "localhost:"] {
        for (_, rest) in typed.match_indices(place).map(|(at, place)| typed.split_at(at + place.len())) {
            let port = &rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())];
            ports.entry(port).or_insert_with(FreeAddress::take);
        }
    }
    steps[0].typed.insert_str(0, "export GOLDCREST_LISTEN=127.0.0.1:8080\n");
    let here = |text: &str| {
        // In two steps, for one of ours may begin as one of theirs.
        let each = |text: String, of: &dyn Fn(&str, u16) -> (String, String)| {
            ports.iter().fold(text, |text, (port, own)| {
                let (from, to) = of(port, own.address.port());
                text.replace(&from, &to)
            })
        };
        let named = each(text.to_owned(), &|port, _| (format!(":{port}"), format!(":<{port}>")));
        each(named, &|port, own| (format!(":<{port}>"), format!(":{own}")))
    };
    let home = tempfile::tempdir().unwrap();
    give_what_they_show(&steps, home.path(), here).await;
}
