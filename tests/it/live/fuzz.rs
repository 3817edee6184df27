//! What no decent client sends to a stream: operations, parameters and tokens by chance, each answered as is documented.
//!
//! Each of these tests takes some seconds, or as many as `GOLDCREST_FUZZ_SECONDS` says.

mod listening;
mod nonsense;
mod operations;
mod tokens;

use crate::support::{Server, eventually, seconds};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::LazyLock;
use tokio::time::Instant;

/// How long each of them goes on if nobody says so.
const SECONDS: u64 = 3;
/// In all that must never be in the log.
const MARK: &str = "zqx";

/// The codes of refusals and their statuses, as they are documented.
static CODES: LazyLock<HashMap<&str, u16>> = LazyLock::new(|| {
    let rows = include_str!("../../../docs/errors.md").lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|');
        let code = cells.next()?.trim_end().trim_end_matches('`');
        Some((code, cells.next()?.trim().parse().ok()?))
    });
    rows.collect()
});

/// Counts rounds until the time is over.
struct Rounds {
    end: Instant,
    count: usize,
}

impl Rounds {
    fn begin() -> Self {
        #[expect(clippy::disallowed_methods, reason = "a test has no options but these")]
        let said = std::env::var("GOLDCREST_FUZZ_SECONDS").ok();
        let long = said.map_or(SECONDS, |text| text.parse().expect("GOLDCREST_FUZZ_SECONDS is a number"));
        Self { end: Instant::now() + seconds(long), count: 0 }
    }

    fn go_on(&mut self) -> bool {
        let go_on = Instant::now() < self.end;
        self.count += usize::from(go_on);
        go_on
    }
}

/// A refusal that is in the documents, and no failure of the server's. Gives its code.
fn refusal(problem: &Value, shown: impl Fn() -> String) -> &'static str {
    let code = problem["code"].as_str().unwrap_or_else(|| panic!("{problem} has no code: {}", shown()));
    let known = CODES.get_key_value(code).unwrap_or_else(|| panic!("{code} is not documented: {}", shown()));
    assert_eq!(problem["status"], *known.1, "{problem}: {}", shown());
    assert!(*known.1 < 500, "the server failed: {problem}: {}", shown());
    assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}: {}", shown());
    known.0
}

/// Whatever came, it is still there, it has nothing to complain of, it keeps no socket, and its log tells no secret.
async fn is_well(server: &Server, sockets: usize, secrets: &[&str]) {
    assert_eq!(server.fresh_stranger().get("/readyz").await.status, 200);
    let log = server.log();
    let complaint = log.lines().find(|line| {
        let told = |secret: &&str| line.contains(*secret);
        ["panicked", "ERROR", MARK].iter().any(told) || secrets.iter().any(told)
    });
    assert_eq!(complaint, None);
    eventually(seconds(20), "the sockets to be closed", async || (server.sockets() <= sockets).then_some(())).await;
}
