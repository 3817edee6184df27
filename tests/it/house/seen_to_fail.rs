//! A law that cannot fail is none: each article is broken here on purpose, in strings, and seen to speak.

use super::law::{self, Exception, LARGEST, SMALL, Source, Verdict};
use super::scanner;

/// No line is refused.
const NOTHING: [usize; 0] = [];

fn file(name: &str, text: &str) -> Source {
    Source::new(name, text.to_owned())
}

fn lines(verdicts: impl IntoIterator<Item = Verdict>) -> Vec<usize> {
    verdicts.into_iter().map(|verdict| verdict.line).collect()
}

/// The lines of the imports that the law refuses.
fn refused(name: &str, text: &str) -> Vec<usize> {
    lines(law::imports(&file(name, text)))
}

fn banned(name: &str, text: &str) -> Vec<usize> {
    lines(law::bans(&[file(name, text)], &[]))
}

#[test]
fn a_room_may_import_its_own_and_what_the_table_says() {
    let text = "use crate::domain::users::User;\nuse crate::store::events;\nfn f() { crate::domain::ids::Seq(1); }";
    assert_eq!(refused("store/users.rs", text), NOTHING);
    assert_eq!(refused("service/users.rs", text), NOTHING);
    assert_eq!(refused("app.rs", "use crate::{api, compat, store};"), NOTHING);
    assert_eq!(refused("cli/users.rs", "use crate::store::Store;"), NOTHING);
}

#[test]
fn a_plain_import_against_the_law_is_seen() {
    assert_eq!(refused("domain/users.rs", "//! Users.\n\nuse crate::store::Store;"), [3]);
    assert_eq!(refused("api/messages.rs", "use crate::live::Hub;"), [1]);
    assert_eq!(refused("compat/oms/mod.rs", "use crate::config::Options;"), [1]);
    assert_eq!(refused("transport/sse.rs", "use crate::service::Service;"), [1]);
    assert_eq!(refused("live.rs", "pub(crate) use crate::api::Frame;"), [1]);
    assert_eq!(
        refused("app.rs", "use crate::cli::Failed;"),
        [1],
        "the command line starts the server, not the reverse"
    );
    assert_eq!(refused("admin/verb.rs", "use crate::cli::Failed;\nuse crate::app::compose;"), [1, 2]);
}

#[test]
fn each_leaf_of_a_grouped_import_is_judged_by_itself() {
    let text = "use crate::{\n    domain::{self, users::User},\n    live::{hub::Hub, ring},\n    store::*,\n};";
    assert_eq!(refused("service/users.rs", text), NOTHING);
    assert_eq!(refused("store/users.rs", text), [3, 3]);
    assert_eq!(refused("domain/users.rs", text), [3, 3, 4]);
}

#[test]
fn a_path_in_an_expression_a_type_or_a_macro_is_an_import_too() {
    assert_eq!(refused("domain/users.rs", "fn f(store: &crate::store::Store) {}"), [1]);
    assert_eq!(refused("domain/users.rs", "fn f() {\n    g::<crate::live::Hub>();\n}"), [2]);
    assert_eq!(refused("domain/users.rs", "select! {\n    _ = crate::live::wait() => {}\n}"), [2]);
    assert_eq!(refused("domain/users.rs", "#[derive(crate::api::Row)]\nstruct S;"), [1]);
    assert_eq!(refused("domain/users.rs", "macro_rules! m { () => { $crate::store::f() } }"), [1]);
}

#[test]
fn going_up_is_followed_to_where_it_leads() {
    assert_eq!(refused("store/users.rs", "use super::events::Event;"), NOTHING);
    assert_eq!(refused("store/users.rs", "use super::super::live::Hub;"), [1]);
    assert_eq!(refused("store/users.rs", "use super::super::{domain::ids, api};"), [1]);
    assert_eq!(refused("store/entity/mod.rs", "use super::super::live::Hub;"), [1]);
    assert_eq!(refused("store/entity/users.rs", "use super::super::live::Hub;"), NOTHING);
    assert_eq!(refused("store.rs", "use super::live::Hub;"), [1]);
    assert_eq!(
        refused("store/users.rs", "mod tests {\n    use super::super::super::live::Hub;\n    use super::*;\n}"),
        [2]
    );
    assert_eq!(refused("store/users.rs", "fn f() { self::super::super::live::f() }"), [1]);
}

#[test]
fn the_whole_house_under_another_name_is_refused() {
    assert_eq!(refused("domain/users.rs", "use crate as house;"), [1]);
    assert_eq!(refused("domain/users.rs", "use crate::*;"), [1]);
    assert_eq!(refused("domain/users.rs", "use super::super as house;"), [1]);
    assert_eq!(refused("domain/users.rs", "use crate::Hub;"), [1], "a name that `lib.rs` might hand on");
}

#[test]
fn only_the_front_page_of_a_room_hands_on_what_is_another_rooms() {
    assert_eq!(refused("service/users.rs", "pub use crate::store::StoreError;"), [1]);
    assert_eq!(refused("service/users.rs", "pub(crate) use crate::store::{StoreError};"), [1]);
    assert_eq!(
        refused("service/users.rs", "use crate::store::StoreError;\npub use crate::service::users::Users;"),
        NOTHING
    );
    assert_eq!(refused("service/mod.rs", "pub use crate::store::StoreError;"), NOTHING);
    assert_eq!(refused("transport.rs", "pub use crate::live::Cursor;"), NOTHING);
}

#[test]
fn adapters_do_not_know_each_other() {
    assert_eq!(refused("compat/oms/mod.rs", "use crate::compat::kinglet::Session;"), [1]);
    assert_eq!(refused("compat/oms/mod.rs", "use super::kinglet::Session;"), [1]);
    assert_eq!(refused("compat/oms.rs", "use super::kinglet::Session;"), [1]);
    assert_eq!(refused("compat/credentials.rs", "use super::{kinglet, oms};"), [1, 1]);
    assert_eq!(
        refused("compat/oms/users.rs", "use crate::compat::oms::Token;\nuse crate::compat::credentials;"),
        NOTHING
    );
    assert_eq!(refused("compat/mod.rs", "fn f() { self::oms::routes(); crate::compat::kinglet::routes(); }"), NOTHING);
}

#[test]
fn a_room_without_a_line_in_the_table_is_refused() {
    assert_eq!(refused("util/text.rs", ""), [1]);
    assert_eq!(refused("helpers.rs", ""), [1]);
}

#[test]
fn what_cannot_be_read_is_not_passed_over() {
    assert_eq!(refused("domain/users.rs", "fn f( {"), [1]);
}

#[test]
fn comments_and_strings_import_nothing() {
    let text = r##"//! Not like crate::store::Store.
/* crate::store */ /// [`crate::live::Hub`]
fn f<'a>() { g("crate::api::x", r#"use crate::live;"#, 'c'); }"##;
    assert_eq!(refused("domain/users.rs", text), NOTHING);
}

#[test]
fn crates_are_seen_outside_their_rooms() {
    let judged = |name, text| lines(law::crates(&file(name, text)));
    assert_eq!(judged("store/users.rs", "use sea_orm::EntityTrait;"), NOTHING);
    assert_eq!(judged("service/users.rs", "use sea_orm::EntityTrait;"), [1]);
    assert_eq!(judged("service/users.rs", "use {\n    sea_orm::DbErr,\n    axum::Json,\n};"), [2, 3]);
    assert_eq!(judged("service/users.rs", "use sea_orm as db;"), [1]);
    assert_eq!(judged("service/users.rs", "#[derive(sea_orm::FromQueryResult)]\nstruct S;"), [1]);
    assert_eq!(judged("api/users.rs", "use axum::Json;"), NOTHING);
    assert_eq!(judged("app.rs", "use axum::Router;"), NOTHING);
    assert_eq!(judged("live/hub.rs", "fn f() -> axum::body::Bytes {}"), [1]);
    assert_eq!(judged("live/hub.rs", "// axum does this with \nconst NAME: &str = \"axum\";"), NOTHING);
}

#[test]
fn panics_are_seen_but_not_their_harmless_namesakes() {
    assert_eq!(banned("live/hub.rs", "fn f() {\n    a.unwrap();\n    b\n        .expect(\"b\");\n}"), [2, 4]);
    assert_eq!(banned("live/hub.rs", "fn f() { a.unwrap_or(1); b.unwrap_or_default(); }"), NOTHING);
    assert_eq!(banned("live/hub.rs", "#[expect(dead_code, reason = \"…\")]\nfn f() {}"), NOTHING);
    assert_eq!(banned("live/hub.rs", "/// `a.unwrap()` would panic.\nfn f() {}"), NOTHING);
    assert_eq!(banned("live/hub.rs", "vec![a.unwrap()];"), [1], "in a macro");
}

#[test]
fn tests_in_the_sources_may_panic_and_only_they() {
    let text = "#[cfg(test)]\nmod tests {\n    fn f() { a.unwrap(); }\n}\nfn g() { b.unwrap(); }";
    assert_eq!(banned("live/hub.rs", text), [5]);
    assert_eq!(banned("live/hub.rs", "#[cfg(all(test, unix))]\n#[allow(x)]\nfn f() { a.unwrap(); }"), NOTHING);
    assert_eq!(banned("live/hub.rs", "#[cfg(not(test))]\nfn f() { a.unwrap(); }"), [2]);
    assert_eq!(banned("live/hub.rs", "#[cfg(any(test, unix))]\nfn f() { a.unwrap(); }"), [2]);
    assert_eq!(banned("live/hub.rs", "#[cfg(test)]\nuse a::b;\nfn f() { a.unwrap(); }"), [3]);
    assert_eq!(banned("live/hub.rs", "//! Tests.\n#![cfg(test)]\nfn f() { a.unwrap(); }"), NOTHING);
    assert_eq!(banned("live/tests.rs", "fn f() { a.unwrap(); }"), NOTHING);
    assert_eq!(refused("domain/tests.rs", "use crate::store::Store;"), [1], "the law of imports holds for tests too");
}

#[test]
fn unfinished_work_and_stray_output_are_seen() {
    assert_eq!(banned("api/users.rs", "fn f() { todo!() }\nfn g() { unimplemented!(\"later\") }"), [1, 2]);
    assert_eq!(banned("api/users.rs", "fn f() { dbg!(1); println!(\"1\"); }"), [1, 1]);
    assert_eq!(banned("cli/users.rs", "fn f() { println!(\"1\"); }"), NOTHING);
    assert_eq!(banned("main.rs", "fn f() { println!(\"1\"); dbg!(2); }"), [1]);
}

#[test]
fn unbounded_channels_are_seen() {
    assert_eq!(banned("live/hub.rs", "use tokio::sync::mpsc::unbounded_channel;"), [1]);
    assert_eq!(banned("live/hub.rs", "struct S { to: mpsc::UnboundedSender<u8> }"), [1]);
    assert_eq!(banned("live/hub.rs", "let (to, from) = std::sync::mpsc::channel();"), [1]);
    assert_eq!(banned("live/hub.rs", "let (to, from) = mpsc::channel(16);"), NOTHING);
}

#[test]
fn tasks_outside_the_tracker_are_seen() {
    assert_eq!(banned("live/hub.rs", "fn f() { tokio::spawn(async {}); }"), [1]);
    assert_eq!(banned("live/hub.rs", "fn f() { tokio::task::spawn(async {}); }"), [1]);
    assert_eq!(banned("live/hub.rs", "use tokio::{\n    sync::watch,\n    spawn,\n};"), [3]);
    assert_eq!(
        banned("live/hub.rs", "fn f() { self.tracker.spawn(async {}); tokio::task::spawn_blocking(f); }"),
        NOTHING
    );
    assert_eq!(banned("lifecycle.rs", "fn f() { tokio::spawn(async {}); }"), NOTHING);
}

#[test]
fn an_exception_covers_so_many_and_is_refused_when_it_no_longer_fits() {
    let once = [Exception { file: "live/hub.rs", spelling: ".expect", times: 1, why: "the key is in the map above" }];
    let judged = |text| lines(law::bans(&[file("live/hub.rs", text)], &once));
    assert_eq!(judged("fn f() { a.expect(\"a\"); }"), NOTHING);
    assert_eq!(judged("fn f() { a.expect(\"a\");\n b.expect(\"b\"); }"), [1, 2, 1]);
    assert_eq!(judged("fn f() {}"), [1]);
    assert_eq!(lines(law::bans(&[], &once)), [1]);
}

#[test]
fn a_file_that_does_not_say_what_it_is_for_is_seen() {
    let judged = |text| lines(law::opening(&file("live/hub.rs", text)));
    assert_eq!(judged("//! The hub.\n"), NOTHING);
    assert_eq!(judged("use a::b;\n//! The hub.\n"), [1]);
    assert_eq!(judged("// The hub.\n"), [1]);
    assert_eq!(judged("//! \n"), [1]);
    assert_eq!(judged(""), [1]);
}

#[test]
fn long_files_are_seen() {
    let of = |name: &str, lines: usize| file(name, &"//! Long.\n".repeat(lines));
    let many = |long: usize| -> Vec<Source> {
        let small = (long..20).map(|number| of(&format!("live/small{number}.rs"), SMALL - 1));
        (0..long).map(|number| of(&format!("live/long{number}.rs"), SMALL)).chain(small).collect()
    };
    assert_eq!(lines(law::sizes(&many(2), &[])), NOTHING);
    assert_eq!(lines(law::sizes(&many(3), &[])), [SMALL; 3]);
    let mut with_a_giant = many(0);
    with_a_giant.push(of("api/routes.rs", LARGEST + 1));
    assert_eq!(lines(law::sizes(&with_a_giant, &[])), [LARGEST + 1]);
    assert_eq!(lines(law::sizes(&with_a_giant, &[("api/routes.rs", "a list of routes")])), NOTHING);
}

#[test]
fn a_pattern_is_read_as_words() {
    assert_eq!(scanner::words_of("mpsc::channel()"), ["mpsc", "::", "channel", "(", ")"]);
    assert_eq!(scanner::words_of(".unwrap"), [".", "unwrap"]);
}
