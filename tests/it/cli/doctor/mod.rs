//! `doctor`: what it finds, beside a server and without one, in places and behind proxies that are as bad as real ones.

mod database;
mod mail;
mod nodes;
mod place;
mod proxy;
mod server;

use serde_json::Value;

use super::operator::Operator;

/// What the doctor said.
#[derive(Debug)]
pub struct Diagnosis {
    findings: Vec<Value>,
}

/// What is said of one check: the verdict, what was found, and what to do about it.
pub type Said = (String, String, String);

impl Diagnosis {
    /// Asks the doctor.
    pub async fn of(operator: &Operator, options: &[&str]) -> Self {
        let done = operator.types(&[&["doctor", "--json"], options].concat()).await;
        let findings: Vec<Value> = done.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let diagnosis = Self { findings };
        let wrong = diagnosis.with_verdict("wrong").len();
        let (code, complaint) = match wrong {
            0 => (0, String::new()),
            1 => (1, "goldcrest: one thing is wrong\n".to_owned()),
            _ => (1, format!("goldcrest: {wrong} things are wrong\n")),
        };
        assert_eq!((done.code, done.errors), (Some(code), complaint), "{diagnosis:#?}");
        for finding in &diagnosis.findings {
            let has_advice = finding["advice"].is_string();
            let needs_advice = ["warning", "wrong"].contains(&finding["verdict"].as_str().unwrap());
            assert_eq!(has_advice, needs_advice, "{finding}");
        }
        diagnosis
    }

    /// The names of the checks with a verdict.
    pub fn with_verdict(&self, verdict: &str) -> Vec<&str> {
        let found = self.findings.iter().filter(|finding| finding["verdict"] == verdict);
        found.map(|finding| finding["check"].as_str().unwrap()).collect()
    }

    /// All that is said of a check.
    pub fn all(&self, check: &str) -> Vec<Said> {
        let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
        let found = self.findings.iter().filter(|finding| finding["check"] == check);
        found.map(|finding| (text(finding, "verdict"), text(finding, "says"), text(finding, "advice"))).collect()
    }

    /// A check has this verdict, with this in its words, and this in its advice.
    #[track_caller]
    pub fn says(&self, check: &str, verdict: &str, says: &str, advice: &str) -> &Self {
        let all = self.all(check);
        let is = |said: &Said| said.0 == verdict && said.1.contains(says) && said.2.contains(advice);
        assert!(all.iter().any(is), "{check} should be {verdict} with {says:?} and {advice:?}: {all:#?}");
        self
    }

    /// Nothing else is wrong or doubtful than these checks.
    #[track_caller]
    pub fn ails_only(&self, checks: &[&str]) -> &Self {
        let mut ailing = [self.with_verdict("warning"), self.with_verdict("wrong")].concat();
        // What is said of the machine that the tests run on is not theirs to decide.
        ailing.retain(|check| !["space", "filesystem", "open_files", "memory"].contains(check));
        let mut expected = checks.to_vec();
        ailing.sort_unstable();
        expected.sort_unstable();
        assert_eq!(ailing, expected, "{self:#?}");
        self
    }
}
