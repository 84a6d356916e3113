use super::*;

/// What is said of a server with these answers: seconds, and whether it worked. A failure may have begun earlier.
enum Seen {
    Failed(f64),
    Hung { from: f64, to: f64 },
    Worked(f64),
}
use Seen::{Failed, Hung, Worked};

/// `begins at 3, over at 10 after 10 s`.
fn told(patience: Patience, seen: &[Seen]) -> String {
    let start = Instant::now();
    let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
    let mut outages = Outages::new(patience);
    let mut words = vec![];
    for it in seen {
        let (began, now) = match it {
            Failed(now) | Worked(now) => (*now, *now),
            Hung { from, to } => (*from, *to),
        };
        let was = outages.is_told(&"azure");
        if matches!(it, Worked(_)) {
            let over = outages.worked("azure", at(now));
            assert_eq!(over.is_some(), was, "an outage that was told is over once");
            words.extend(over.map(|time| format!("over at {now} after {}", lasted(time))));
        } else if outages.failed("azure", at(began), at(now)) {
            assert!(!was, "an outage begins once");
            words.push(format!("begins at {now}"));
        }
    }
    assert_eq!(outages.any(), outages.is_told(&"azure"));
    words.join(", ")
}

#[test]
fn an_outage_is_told_when_it_begins_and_when_it_is_over() {
    use Patience::{AFew, None};
    // Fails for eight seconds, as a single object asks: after 1, 2 and 4 seconds.
    let away = |from: f64| [0.0, 1.0, 3.0, 7.0].map(|s| Failed(from + s));
    let comes_and_goes = |times: u32| -> Vec<Seen> {
        (0..times)
            .flat_map(|n| {
                let from = f64::from(n) * 10.0;
                away(from).into_iter().chain([Worked(from + 8.0)])
            })
            .collect()
    };
    let table: Vec<(&str, Patience, Vec<Seen>, &str)> = vec![
        ("all is well", AFew, vec![Worked(0.0), Worked(1.0)], ""),
        ("one connection was reset", AFew, vec![Worked(0.0), Failed(1.0), Worked(1.2)], ""),
        (
            "all requests of one connection were",
            AFew,
            vec![Failed(1.0), Failed(1.0), Failed(1.0), Failed(1.1), Worked(2.0)],
            "",
        ),
        ("two failures, far apart", AFew, vec![Failed(0.0), Failed(60.0)], ""),
        (
            "every third request fails",
            AFew,
            (0..30).map(|n| if n % 3 == 0 { Worked(f64::from(n)) } else { Failed(f64::from(n)) }).collect(),
            "",
        ),
        ("away for good", AFew, [away(0.0), away(8.0)].into_iter().flatten().collect(), "begins at 3"),
        (
            "away and back",
            AFew,
            away(0.0).into_iter().chain([Worked(125.0), Worked(126.0)]).collect(),
            "begins at 3, over at 125 after 2 min 5 s",
        ),
        (
            "requests that hang: since when they began",
            AFew,
            vec![
                Hung { from: 0.0, to: 10.0 },
                Hung { from: 2.0, to: 12.0 },
                Hung { from: 11.0, to: 21.0 },
                Worked(30.0),
            ],
            "begins at 21, over at 30 after 30 s",
        ),
        (
            "what has hung since before the answer",
            AFew,
            vec![
                Worked(5.0),
                Hung { from: 0.0, to: 10.0 },
                Hung { from: 1.0, to: 14.0 },
                Hung { from: 4.0, to: 30.0 },
            ],
            "",
        ),
        (
            "it comes and goes: told less and less",
            AFew,
            comes_and_goes(4),
            "begins at 3, over at 8 after 8 s, begins at 13, over at 18 after 8 s, begins at 27, over at 28 after 8 s",
        ),
        (
            "again after five quiet minutes: told as soon as the first time",
            AFew,
            [away(0.0), away(10.0), away(400.0)]
                .into_iter()
                .zip([8.0, 18.0, 408.0])
                .flat_map(|(row, end)| row.into_iter().chain([Worked(end)]))
                .collect(),
            "begins at 3, over at 8 after 8 s, begins at 13, over at 18 after 8 s, begins at 403, over at 408 after 8 s",
        ),
        (
            "what does not go away by itself",
            None,
            vec![Failed(1.0), Failed(2.0), Worked(3.0)],
            "begins at 1, over at 3 after 2 s",
        ),
        (
            "the same, coming and going",
            None,
            vec![
                Failed(1.0),
                Worked(2.0),
                Failed(3.0),
                Worked(4.0),
                Failed(5.0),
                Failed(8.0),
                Worked(4000.0),
            ],
            "begins at 1, over at 2 after 1 s, begins at 8, over at 4000 after 1 h 6 min",
        ),
    ];
    for (what, patience, seen, expected) in table {
        assert_eq!(told(patience, &seen), expected, "{what}");
    }
}

#[test]
fn each_key_is_told_apart() {
    let now = Instant::now();
    let mut outages = Outages::new(Patience::None);
    assert!(outages.failed("one", now, now));
    assert_eq!(outages.worked("other", now), None);
    assert!(outages.is_told(&"one") && !outages.is_told(&"other") && outages.any());
    assert!(outages.failed("other", now, now));
}

#[test]
fn hosts_that_nobody_asks_any_more_are_forgotten() {
    let start = Instant::now();
    let mut outages = Outages::new(Patience::None);
    assert!(outages.failed("azure".to_string(), start, start));
    for n in 0..5000 {
        let now = start + Duration::from_secs(n);
        let _ = outages.failed(format!("quiet-{n}"), now, now);
        let _ = outages.worked(format!("quiet-{n}"), now);
    }
    assert!(outages.known.len() <= 310, "{}", outages.known.len());
    assert!(outages.is_told(&"azure".to_string()), "what was told is not forgotten before it is over");
}
