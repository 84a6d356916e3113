use super::*;

/// The tenth to the twentieth minute.
fn window() -> Window {
    let at = |minute: i64| Timestamp::from_second(minute * 60).expect("a time");
    Window { from: at(10), until: at(20) }
}

fn metric(name: &str) -> Metric {
    Metric { name: name.into(), aggregation: Aggregation::Average, filter: [].into() }
}

fn series(unit: &str, series: &[&[(i64, f64)]]) -> Series {
    Series { unit: unit.into(), series: series.iter().map(|points| points.to_vec()).collect() }
}

fn answer(unit: &str, all: &[&[(i64, f64)]], aggregation: Aggregation) -> Option<f64> {
    match number(&metric("m"), &Summary::of(&series(unit, all), aggregation, window()), window()) {
        Answer::Number(value) => Some(value),
        _ => None,
    }
}

#[test]
fn minutes_and_series_become_one_number() {
    let two: &[&[(i64, f64)]] = &[&[(10, 4.0), (11, 8.0)], &[(10, 1.0), (12, 2.0)]];
    for (unit, aggregation, expected) in [
        // Fifteen requests in three minutes.
        ("Count", Aggregation::Average, 5.0),
        ("bytesPerSecond", Aggregation::Average, 5.0),
        // Four values.
        ("MilliSeconds", Aggregation::Average, 3.75),
        ("Percent", Aggregation::Average, 3.75),
        ("Count", Aggregation::Total, 15.0),
        ("MilliSeconds", Aggregation::Count, 15.0),
        ("Count", Aggregation::Minimum, 1.0),
        ("Count", Aggregation::Maximum, 8.0),
    ] {
        assert_eq!(answer(unit, two, aggregation), Some(expected), "{unit} {aggregation:?}");
        assert_eq!(answer(unit, &[], aggregation), None, "{unit} {aggregation:?}");
        assert_eq!(answer(unit, &[&[], &[(9, 1.0), (20, 1.0)]], aggregation), None, "outside of the window");
    }
    assert_eq!(answer("Count", &[&[(10, 0.0)]], Aggregation::Average), Some(0.0), "nothing is not zero");
}

#[test]
fn a_ratio_is_of_the_same_minutes() {
    let of =
        |(unit, above): (&str, &[&[(i64, f64)]]), (other, below): (&str, &[&[(i64, f64)]]), aggregation| {
            let above = Summary::of(&series(unit, above), aggregation, window());
            let below = Summary::of(&series(other, below), aggregation, window());
            ratio((&metric("Failed"), above), (&metric("All"), below), window())
        };
    let ten: &[(i64, f64)] = &[
        (10, 10.0),
        (11, 10.0),
        (12, 10.0),
        (13, 10.0),
        (14, 10.0),
        (15, 10.0),
        (16, 10.0),
        (17, 10.0),
        (18, 10.0),
        (19, 10.0),
    ];
    let (average, total) = (Aggregation::Average, Aggregation::Total);
    // Two failures in one of ten minutes of ten requests each: 2 %, and not 20 %.
    assert_eq!(of(("Count", &[&[(13, 2.0)]]), ("Count", &[ten]), average), Answer::Number(0.02));
    assert_eq!(of(("Count", &[&[(13, 2.0)]]), ("Count", &[ten]), total), Answer::Number(0.02));
    // No failures are 0 where there were requests.
    assert_eq!(of(("Count", &[]), ("Count", &[ten]), average), Answer::Number(0.0));
    assert_eq!(of(("Count", &[]), ("Count", &[ten]), total), Answer::Number(0.0));
    // Nobody knows a latency where there is none.
    let no_data = |name: &str| {
        Answer::NoData(format!(
            "Azure Monitor has no value of {name} between 00:10 and 00:20 yet: its values come some minutes late, and where there are no requests there are none."
        ))
    };
    assert_eq!(of(("MilliSeconds", &[]), ("MilliSeconds", &[ten]), average), no_data("Failed"));
    assert_eq!(of(("Count", &[&[(13, 2.0)]]), ("Count", &[]), average), no_data("All"));
    let zero = Answer::NoData("All is 0 between 00:10 and 00:20, so there is nothing to divide by.".into());
    assert_eq!(of(("Count", &[&[(13, 2.0)]]), ("Count", &[&[(13, 0.0)]]), average), zero);
    assert_eq!(of(("Count", &[]), ("Count", &[&[(13, 0.0)]]), average), zero);
    // Milliseconds for each request of a minute.
    assert_eq!(of(("MilliSeconds", &[&[(10, 30.0)]]), ("Count", &[ten]), average), Answer::Number(3.0));
}

#[test]
fn only_whole_minutes_count() {
    let at = |millis: i64| Timestamp::from_millisecond(millis).expect("a time");
    for (from, until, expected) in [
        (600_000, 1_200_000, Some((600, 1200))),
        (600_001, 1_200_000, Some((660, 1200))),
        (599_999, 1_259_999, Some((600, 1200))),
        (630_000, 700_000, None),
        (600_000, 600_000, None),
        (1_200_000, 600_000, None),
    ] {
        let monitor = Monitor {
            resource: crate::azure::model::ResourceId::new("/x"),
            metric: metric("m"),
            divided_by: None,
            from: at(from),
            until: at(until),
        };
        let window =
            Window::within(&monitor).map(|window| (window.from.as_second(), window.until.as_second()));
        assert_eq!(window, expected, "{from} {until}");
    }
}

#[test]
fn an_unknown_metric_is_told_with_those_that_exist() {
    let error = |class, message: &str| Error { status: Some(400), ..Error::new(class, message) };
    let unknown = "Failed to find metric configuration for provider: P, resource Type: T, metric: Latency, Valid metrics: A,B, C";
    let said = why(&error(Class::Permanent, unknown), &metric("Latency"), "fares");
    assert_eq!(said, "fares has no metric Latency. It has A, B, C.");
    let said = why(&error(Class::Unauthorized, "No right."), &metric("Latency"), "fares");
    assert_eq!(
        said,
        "Azure Monitor does not show the metrics of fares: give who asks the role Monitoring Reader there. No right. (HTTP 400)"
    );
}
