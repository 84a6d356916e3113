//! How fast requests are sent, and that they are counted.

use std::time::Duration;

use azureml_emulator::{Effect, Limit, Limits, Throttling};
use bindery::azure::client::{Bucket, Counts};
use bindery::azure::model::Class;

use crate::stand::{CLIENT, Stand, code, look, put_version, sent};

#[tokio::test]
async fn after_a_429_nothing_of_that_kind_is_sent() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    let throttled = Effect::Answer {
        status: 429,
        code: "SubscriptionRequestsThrottled".into(),
        message: "Please try again after '7' seconds.".into(),
        headers: [("Retry-After".to_owned(), "7".to_owned())].into(),
    };
    stand.fault("GET", "workspaces/dev", throttled);
    let error = look(&azure).await.expect_err("throttled");
    assert_eq!(error.class, Class::Throttled(Duration::from_secs(7)));
    assert_eq!(code(&error), "SubscriptionRequestsThrottled");
    let error = look(&azure).await.expect_err("held back");
    assert!(matches!(error.class, Class::Throttled(wait) if wait > Duration::from_secs(5)), "{error:?}");
    assert_eq!(stand.seen("GET", "workspaces/dev"), 1);
    assert_eq!(sent(&azure, &put_version("1")).await.0, 201);
    assert_eq!(azure.counts(), Counts { reads: 1, writes: 1, throttled: 1 });
}

#[tokio::test]
async fn below_the_limits_nobody_is_throttled() {
    let mut stand = Stand::new().await;
    stand.emulator.set_time_scale(1.0).expect("a good scale");
    // So slow that a machine that stands still for seconds changes nothing.
    let reads = Limit { size: 20.0, refill: 2.0 };
    let limits = Limits { reads, ..Limits::default() };
    stand.emulator.control().config.throttling = Throttling::Custom(limits);
    stand.config.pace.longest_wait = Duration::from_secs(60);

    // Nine tenths of what is allowed, as the documented pace is; then ten times as much.
    for (share, throttled) in [(0.9, false), (10.0, true)] {
        stand.config.pace.reads = Bucket { size: 20.0 * share, per_second: 2.0 * share };
        let azure = stand.azure();
        let looks = futures::future::join_all((0..30).map(|_| look(&azure))).await;
        assert_eq!(looks.iter().all(Result::is_ok), !throttled, "{share}");
        assert_eq!(azure.counts().throttled > 0, throttled, "{share}: {:?}", azure.counts());
    }
}

#[tokio::test]
async fn what_azure_counts_is_what_we_count() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    for version in ["1", "2", "3", "4"] {
        sent(&azure, &put_version(version)).await;
    }
    look(&azure).await.expect("an answer");
    let core = stand.emulator.control();
    let theirs = core.request_counts().get(CLIENT).copied().unwrap_or_default();
    let ours = azure.counts();
    assert_eq!((ours.reads, ours.writes), (theirs.reads, theirs.writes + theirs.deletes));
}
