use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::json;

use super::*;
use crate::controller::fixtures::{self, Cluster};

#[tokio::test]
async fn a_refused_write_is_tried_again_ever_later_until_one_is_taken() {
    // Its place is missing, so that there is a status to write and nothing to ask Azure.
    let version = fixtures::version("one", "taxi", &json!({"workspaceRef": {"name": "none"}}));
    let answer = Arc::new(AtomicU16::new(500));
    let context = Arc::new(fixtures::context(Cluster::new().stores, &answer, &version));
    let object = Arc::new(version);
    let next = |code: u16| {
        answer.store(code, Ordering::Relaxed);
        pass(object.clone(), context.clone())
    };
    let seconds = |it| Ok(Action::requeue(Duration::from_secs(it)));
    for expected in [2, 4, 8, 16, 32, 64, 128, 256, 256] {
        assert_eq!(next(500).await, seconds(expected));
    }
    assert_eq!(next(200).await, Ok(Action::requeue(after(LookAgain::Interval, &*object))));
    assert_eq!(next(500).await, seconds(2), "one was taken, and it begins again");
}
