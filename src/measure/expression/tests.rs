use std::time::{Duration, Instant};

use super::*;

const FARES: &str = r#"{"fares": [12.5, 9.75, 30], "model": {"name": "taxi", "version": 3}, "rows": [[1, 2], [3]],
    "labels": ["a", "b"], "empty": [], "none": null, "text": "a fare", "big": 18446744073709551615, "secret": "hunter2"}"#;

fn seen(status: u16, millis: u64, body: impl Into<Vec<u8>>) -> Seen {
    Seen { status, millis, body: body.into() }
}

fn of(expression: &str) -> Result<bool, String> {
    value(expression, seen(200, 250, FARES))
}

/// Everything in a table, with the body above.
#[test]
fn what_an_expression_is_worth() {
    for (expression, expected) in [
        ("status == 200 && latency < 0.3", true),
        ("status == 200 && latency < 0.2", false),
        ("status in [200, 201]", true),
        ("body.fares.all(fare, fare > 0)", true),
        ("body.fares.all(fare, fare > 10.0)", false),
        ("body.fares.exists(fare, fare == 30)", true),
        ("body.fares.exists_one(fare, fare > 20.0)", true),
        ("body.fares.map(fare, fare > 10.0) == [true, false, true]", true),
        ("size(body.fares.filter(fare, fare > 10.0)) == 2", true),
        ("body.fares.map(fare, fare > 10.0, fare > 20.0) == [false, true]", true),
        ("body.rows.all(row, row.all(cell, cell >= 1))", true),
        ("body.fares[0] == 12.5 && body['model'].version + 1 == 4", true),
        ("double(body.model.version) / 2.0 == 1.5", true),
        ("has(body.model) && !has(body.missing)", true),
        ("'b' in body.labels && 'name' in body.model", true),
        ("body.model.all(key, key.size() > 3)", true),
        ("body.none == null && body.empty == []", true),
        ("body.text.startsWith('a') && body.text.contains('far') && body.text.endsWith('re')", true),
        ("string(body.model.version) + 'x' == '3x'", true),
        ("int('3') == body.model.version && uint(3) == 3u && bool('true')", true),
        ("body.big > 1u", true),
        ("(has(body.error) ? body.error : 'none') == 'none'", true),
        // As in all of CEL, one side that is decided is enough.
        ("body.missing == 1 || status == 200", true),
        ("-body.fares[2] % 7 == -2", true),
        ("{'a': 1}.a == 1 && {'a': 1}['a'] == 1", true),
        ("status == 200 || body.nothing.at.all", true),
    ] {
        assert_eq!(of(expression), Ok(expected), "{expression}");
        assert_eq!(check(expression), Ok(()), "{expression}");
    }
}

/// What has no value says why, and says nothing of the body.
#[test]
fn why_an_expression_has_no_value() {
    for (expression, why) in [
        ("body.missing == 1", "there is no field 'missing' where it looks for one"),
        (
            "body.model[body.secret] == 1",
            "there is no field that the expression computes where it looks for one",
        ),
        ("body.fares[7] > 1.0", "a list has fewer elements than it looks for"),
        ("body.text + 1 == 'x'", "'+' does not go with the types (string, int)"),
        ("body.model > 1", "'>' does not go with the types (map, int)"),
        ("body.secret - 1 == 0", "'-' does not go with the types (string, int)"),
        ("status / (status - 200) == 1", "it divides by zero"),
        ("9223372036854775807 + status > 0", "a number is too large"),
        ("int(body.secret) == 1", "'int' cannot use what it is given"),
        ("body.fares.all(fare, fare)", "'&&' does not go with the types (bool, int)"),
        (
            "body.secret.all(c, true)",
            "there is a value of the type string where one that is iterable belongs",
        ),
        ("body.fares.size(1) == 1", "'size' does not go with the types (list, int)"),
    ] {
        let expected = Err(format!("The expression has no value: {why}."));
        assert_eq!(of(expression), expected, "{expression}");
    }
    for (expression, kind) in [
        ("status", "int"),
        ("body.fares", "list"),
        ("body", "map"),
        ("'yes'", "string"),
        ("null", "null"),
        ("1.5", "float"),
    ] {
        let expected = Err(format!("The expression is of the type {kind}, and has to be true or false."));
        assert_eq!(of(expression), expected, "{expression}");
    }
}

/// An answer that is no JSON has a status and a latency all the same.
#[test]
fn a_body_that_is_not_json() {
    let no_json = "The expression speaks of the body, and the answer is not JSON.";
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (body, why) in [
        ("<html>502 Bad Gateway</html>", no_json),
        ("", "The expression speaks of the body, and the answer has none."),
        ("  \n", "The expression speaks of the body, and the answer has none."),
        (r#"{"a": 1"#, no_json),
        (r#"{"a": 1} trailing"#, no_json),
        ("\u{feff}{}", no_json),
        ("[1e999]", no_json),
        (&deep, no_json),
    ] {
        assert_eq!(value("body.a == 1", seen(200, 1, body)), Err(why.into()), "{body:.20}");
        assert_eq!(value("status == 200", seen(200, 1, body)), Ok(true), "{body:.20}");
    }
    let binary = [0xff, 0xfe, 0x00];
    assert_eq!(value("body == 1", seen(200, 1, binary)), Err(no_json.into()));
    let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
    assert_eq!(value("size(body) == 1", seen(200, 1, deep)), Ok(true));
}

/// A bad expression is named before a rollout, by whoever reads the manifest.
#[test]
fn what_is_wrong_with_an_expression() {
    let long = format!("status == {}", "1".repeat(1100));
    for (expression, why) in [
        ("", "The expression is no CEL"),
        ("status ==", "The expression is no CEL: near character 10, mismatched input"),
        ("status = 200", "The expression is no CEL: near character 8"),
        ("status == 200)", "The expression is no CEL"),
        ("has(status)", "The expression is no CEL: near character 5, invalid argument to has() macro."),
        ("statsu == 200", "The expression speaks of 'statsu': there are status, latency and body."),
        ("body.fares.all(x, y > 1)", "The expression speaks of 'y': there are status, latency and body."),
        (
            "body.text.matches('(a+)+$')",
            "The expression calls 'matches': there are the functions bool, contains, double, dyn, endsWith, int, size, startsWith, string, uint.",
        ),
        ("matches(body.text, 'a')", "The expression calls 'matches'"),
        ("duration('1h') > duration('1s')", "The expression calls 'duration'"),
        ("body.?text.orValue('') == ''", "The expression is no CEL"),
        ("Request{a: 1} == body", "The expression makes an object, and there are no types of objects here."),
        ("int == type(1)", "The expression speaks of 'int'"),
        (&long, "The expression has 1110 characters, and may have 1024."),
    ] {
        let said = check(expression).expect_err(expression);
        assert!(said.starts_with(why), "{expression:.40}: {said}");
        assert_eq!(value(expression, seen(200, 1, "{}")), Err(said), "{expression:.40}");
    }
}

/// Whatever a team may write in 1,024 characters, no stack overflows: that would end the operator and not only this thread.
#[test]
fn deep_expressions_are_refused() {
    let deep = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    for expression in [
        deep("(", "1", ")", 500),
        deep("[", "1", "]", 500),
        deep("{1:", "1", "}", 250),
        deep("int(", "1", ")", 200),
        deep("[1].all(x, ", "true", ")", 70),
        deep("[{a:b?", "", "", 170),
        deep("((((a.b(", "", "", 120),
        vec!["1"; 512].join("+"),
        vec!["1"; 512].join("<"),
        format!("body{}", ".a".repeat(500)),
        format!("body{}", "[0]".repeat(340)),
        format!("{}1", "true?1:".repeat(140)),
        format!("{}true{}", "true?".repeat(140), ":1".repeat(140)),
        format!("[1]{}", ".map(x,x)".repeat(110)),
        // What stays below the number of brackets that are refused without a look.
        deep("[", "1", "]", 32) + &"+1".repeat(470),
        deep("int(", "1", ")", 32) + &"<1".repeat(380),
    ] {
        assert!(expression.chars().count() <= LONGEST, "{expression:.40}");
        let said = check(&expression).expect_err(&expression);
        assert!(said.len() < 700, "{said}");
    }
    // These have no depth, however long they are.
    for expression in [
        format!("{}true", "!".repeat(1000)),
        vec!["true"; 170].join("&&"),
        format!("- {}1 < 2", "- ".repeat(500)),
    ] {
        let _ = check(&expression);
    }
}

/// What would take all the time or all the memory that there is is refused at once, and nobody waits for it.
#[test]
fn what_costs_too_much_is_refused_at_once() {
    let too_much = "The expression could cost too much with an answer of this size: it is refused and was not evaluated.";
    let numbers = |count: usize| format!("{{\"a\": [{}]}}", vec!["1"; count].join(","));
    let wide = numbers(100_000);
    let text = format!("{{\"a\": \"{}\"}}", "x".repeat(1_000_000));
    let doubled = |start: &str, step: &str| format!("[{start}]{}.size() > 0", step.repeat(30));
    for (expression, body) in [
        ("body.a.all(x, body.a.all(y, x == y))".to_owned(), &wide),
        ("body.a.exists(x, body.a.exists(y, body.a.exists(z, x + y + z == 4)))".into(), &numbers(1000)),
        ("body.a.filter(x, x in body.a).size() > 0".into(), &wide),
        ("body.a.map(x, body.a).size() > 0".into(), &numbers(2000)),
        ("body.a.map(x, body).map(x, [x, x]).size() > 0".into(), &numbers(2000)),
        ("body.a.all(x, body.a == body.a)".into(), &numbers(10_000)),
        (doubled("'x'", ".map(a,a+a)"), &text),
        (doubled("'x'", ".map(a,[a,a])"), &text),
        (doubled("[1]", ".map(a,a+a)"), &text),
        ("[1].map(a, body.a + body.a).map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).size() == 1".into(), &text),
        ("[1, 2, 3, 4, 5, 6, 7, 8, 9].map(a, [1, 2, 3, 4, 5, 6, 7, 8, 9].all(b, body.a == body.a + 'x')).size() == 9".into(), &text),
    ] {
        let since = Instant::now();
        let said = value(&expression, seen(200, 1, body.as_str())).expect_err(&expression);
        let took = since.elapsed();
        assert!(said.starts_with(too_much), "{expression:.60}: {said}");
        assert!(took < Duration::from_secs(2), "{expression:.60}: {took:?}");
    }
    // What grows by itself is refused before there is an answer.
    assert!(check(&doubled("'x'", ".map(a,a+a)")).is_err_and(|said| said.starts_with(too_much)));

    // And what is only large is not: a million characters, a hundred thousand numbers, a table of a thousand rows.
    let table = format!("{{\"a\": [{}]}}", vec![format!("[{}]", vec!["0.5"; 60].join(",")); 1000].join(","));
    let keys: Vec<String> = (0..80_000).map(|number| format!("\"k{number}\": 0")).collect();
    let keys = format!("{{{}}}", keys.join(","));
    for (expression, body) in [
        ("body.a.all(x, x >= 0 && x < 2)", &wide),
        ("size(body.a) == 1000000 && body.a.contains('xx')", &text),
        ("body.a.all(row, row.all(x, x > 0.0))", &table),
        ("body.a.all(row, size(row) == 60)", &table),
        ("body.a.map(row, row[0]).all(x, x == 0.5)", &table),
        (&vec!["has(body.k1)"; 60].join(" && "), &keys),
    ] {
        let since = Instant::now();
        assert_eq!(value(expression, seen(200, 1, body.as_str())), Ok(true), "{expression}");
        assert!(since.elapsed() < Duration::from_secs(20), "{expression}: {:?}", since.elapsed());
    }
}

/// The bound is one: what an expression makes is never larger than what was said before.
#[test]
fn sizes_are_bounds() {
    let body: Value = serde_json::from_str(FARES).expect("JSON");
    let size = Size::of(&body);
    assert_eq!((size.count, size.deepest), (9.0, 9.0));
    assert_eq!((size.field("fares").count, size.field("missing").bytes), (3.0, body::VALUE));
    assert_eq!((size.field("rows").count, size.field("rows").element().count), (2.0, 2.0));
    // A key that is computed may lead to any of the fields.
    assert_eq!((size.element().count, size.element().bytes), (9.0, size.bytes));
    let mixed: Value = serde_json::from_str(r#"[[1], {"a": [1, 2, 3]}, "text"]"#).expect("JSON");
    assert_eq!((Size::of(&mixed).element().count, Size::of(&mixed).element().deepest), (1.0, 3.0));
    let joined = size.field("fares").joined(&size.field("labels"));
    assert_eq!((joined.count, joined.element().bytes), (5.0, body::VALUE + 1.0));
}
