use std::sync::atomic::Ordering;

use serde_json::json;

use super::*;
use crate::controller::fixtures;

#[tokio::test]
async fn a_refused_write_is_tried_again_ever_later_until_one_is_taken() {
    // Its place is missing, so that there is a status to write and nothing to ask Azure.
    let object = Arc::new(fixtures::version("one", "taxi", &json!({"workspaceRef": {"name": "none"}})));
    let context = fixtures::context();
    let next = |refuses: bool| {
        context.ports.refuses.store(refuses, Ordering::Relaxed);
        Box::pin(pass(object.clone(), &context))
    };
    for expected in [2, 4, 8, 16, 32, 64, 128, 256, 256] {
        assert_eq!(next(true).await, Duration::from_secs(expected));
    }
    assert_eq!(next(false).await, Duration::from_secs(300));
    assert_eq!(next(true).await, Duration::from_secs(2), "one was taken, and it begins again");
}

#[tokio::test]
async fn no_pass_acts_on_an_object_older_than_our_own_last_write() {
    let object = Arc::new(fixtures::version("one", "taxi", &json!({"workspaceRef": {"name": "none"}})));
    let context = fixtures::context();
    context.memory.change("one", |it| it.written = Some(2));
    assert_eq!(Box::pin(pass(object.clone(), &context)).await, SOON);
    context.memory.change("one", |it| it.written = Some(1));
    assert_eq!(Box::pin(pass(object.clone(), &context)).await, Duration::from_secs(300));
}
