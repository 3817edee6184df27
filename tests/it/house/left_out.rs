//! Which tests are left out on a database server: by expressions with nextest, by names without, and both the same.

use std::collections::BTreeSet;

use super::{collect, root};

#[test]
fn on_a_database_server_the_same_tests_are_left_out_with_nextest_and_without() {
    let read = |file: &str| std::fs::read_to_string(root().join(file)).unwrap();
    let (nextest, script) = (read(".config/nextest.toml"), read("scripts/test"));
    let (filter, script) =
        (between(&nextest, "\ndefault-filter = \"\"\"\n", "\"\"\""), between(&script, "on_a_server() {", "\n}\n"));
    let (of_all, of_units) = script.split_once("--lib").expect("it runs unit tests too");

    let mut by_expression = each_of(between(filter, "test(/^(", ")::/)"));
    assert!(filter.contains("not test(/(^|::)embedded::/)"), "{filter}");
    by_expression.insert("embedded".to_owned());
    assert_eq!(by_expression, skipped(of_all));
    for module in by_expression.iter().filter(|module| *module != "embedded") {
        let place = root().join("tests/it").join(module.replace("::", "/"));
        assert!(place.is_dir() || place.with_extension("rs").is_file(), "there are no tests {module}");
    }

    // Whatever starts a database server of its own need not run on one more.
    let (mut files, tests) = (Vec::new(), root().join("tests/it"));
    collect(&tests, &mut files);
    for file in files {
        let module = file.strip_prefix(&tests).unwrap().with_extension("").to_string_lossy().replace('/', "::");
        let text = std::fs::read_to_string(&file).unwrap();
        let starts_one = text.contains("DatabaseServer::start(") && !module.starts_with("support");
        let is_left_out = by_expression.iter().any(|name| module == *name || module.starts_with(&format!("{name}::")));
        assert!(!starts_one || is_left_out || module.starts_with("house"), "{module} starts a database server");
    }

    let units = between(of_units, "store::{", "}::").split(',').map(str::to_owned).collect();
    assert_eq!(each_of(between(filter, "test(/^store::(", ")::/)")), units);
    let mut but = each_of(between(filter, "not test(bench)\n        and not test(/", "/)"));
    but.insert("bench".to_owned());
    assert_eq!(but, skipped(of_units));
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("there is no {from:?} in\n{text}"));
    rest.split_once(to).unwrap_or_else(|| panic!("there is no {to:?} behind {from:?} in\n{text}")).0
}

/// `a|b::(c|d)` as `a`, `b::c` and `b::d`.
fn each_of(expression: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut rest = expression;
    while !rest.is_empty() {
        let end = rest.find(['|', '(']).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        if let Some(inside) = behind.strip_prefix('(') {
            let (inside, behind) = inside.split_once(')').expect("it is closed");
            all.extend(inside.split('|').map(|part| format!("{name}{part}")));
            rest = behind.trim_start_matches('|');
        } else {
            all.insert(name.to_owned());
            rest = behind.trim_start_matches('|');
        }
    }
    all
}

/// What cargo test is told to skip.
fn skipped(script: &str) -> BTreeSet<String> {
    let words: Vec<&str> = script.split_whitespace().collect();
    let skipped = words.windows(2).filter(|pair| pair[0].ends_with("--skip") && !pair[1].contains('$'));
    skipped.map(|pair| pair[1].trim_end_matches(')').trim_end_matches("::").to_owned()).collect()
}
