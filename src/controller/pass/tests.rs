mod crowds;

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
        assert_eq!(next(true).await.after, Duration::from_secs(expected));
    }
    assert_eq!(next(false).await.after, Duration::from_secs(300));
    assert_eq!(next(true).await.after, Duration::from_secs(2), "one was taken, and it begins again");
}

#[test]
fn no_wait_is_longer_than_the_interval() {
    let object =
        fixtures::version("one", "taxi", &json!({"workspaceRef": {"name": "none"}, "interval": "5m"}));
    let wait = |seconds| after(LookAgain::After(Duration::from_secs(seconds)), &object).as_secs();
    assert_eq!((wait(1), wait(300), wait(86_400)), (1, 300, 300));
}

#[test]
fn what_azure_took_is_remembered_until_a_look_finds_nothing_to_write() {
    use crate::azure::model::{Action, Call, Class, Operation, Purpose, Reply, ResourceId};
    use crate::decide::fixtures::{failure, registry};
    use crate::decide::{Attempt, Decision, Tagged, places::registry::decide};

    let context = fixtures::context();
    let call = Call::new(Purpose::Update, ResourceId::new("/x"), Action::Put(json!({})), "change it");
    let mut facts = registry();
    facts.situation.take_in_answer(&call, Ok(&Reply::default()), facts.situation.now);
    facts.situation.ownership.tagged = Some(Tagged::Us);
    let nothing = decide(&facts);
    let remembers = |change: &dyn Fn(&mut Situation, &mut Decision<_>)| {
        let (mut situation, mut decision) = (facts.situation.clone(), nothing.clone());
        change(&mut situation, &mut decision);
        remember_what_was_decided(&context, "uid", &mut situation, &decision);
        context.memory.recall("uid", 0, None).trouble.written.is_some()
    };
    assert!(!remembers(&|_, _| ()), "it was kept");
    assert!(remembers(&|_, decision| decision.unkept = true));
    assert!(remembers(&|it, _| it.ownership.tagged = None), "nobody has looked");
    assert!(remembers(&|it, _| {
        let read = Attempt::from(&call);
        it.trouble.unreadable = Some(failure(read, Class::Transient, 0, 1));
    }));
    assert!(remembers(&|it, _| {
        it.operation.remembered = Some(Operation::begun(&call, "https://op".into(), it.now));
    }));
}

#[tokio::test]
async fn no_pass_acts_on_an_object_older_than_our_own_last_write() {
    let object = Arc::new(fixtures::version("one", "taxi", &json!({"workspaceRef": {"name": "none"}})));
    let context = fixtures::context();
    context.memory.change("one", |it| it.written = Some(2));
    assert_eq!(Box::pin(pass(object.clone(), &context)).await.after, SOON);
    context.memory.change("one", |it| it.written = Some(1));
    assert_eq!(Box::pin(pass(object.clone(), &context)).await.after, Duration::from_secs(300));
}

/// Anybody may make many objects that name one resource: while one of them works on it, they take no place from others.
#[tokio::test]
async fn who_does_not_look_after_a_resource_does_not_wait_for_it() {
    use crate::api::Object;

    let context = fixtures::context();
    let place = Arc::new(fixtures::registry());
    let newcomer = fixtures::version("one", "taxi", &json!({"registryRef": {"name": "models"}}));
    let ready = json!({"type": "Ready", "status": "True", "reason": "Succeeded", "message": "", "lastTransitionTime": "2026-03-01T12:00:00Z"});
    let status = |conditions: &[serde_json::Value]| {
        serde_json::from_value(json!({"observedGeneration": 1, "conditions": conditions})).expect("a status")
    };
    let mut owner = newcomer.clone();
    owner.status = Some(status(&[ready]));
    let mut observer = owner.clone();
    observer.spec.management = crate::api::Management::Observe;
    context.ports.objects.lock().expect("a lock").insert(place.key(), place.clone().any());
    let id = place.id().model_version("taxi", "1");
    let alone = context.lock(&id, false).await;
    assert!(alone.is_some(), "nobody works on it");
    for impatient in [newcomer.clone(), observer] {
        let next = Box::pin(pass(Arc::new(impatient), &context)).await.after;
        assert!(next >= BUSY && next < 2 * BUSY, "{next:?}");
    }
    let mut waits = Box::pin(pass(Arc::new(owner), &context));
    assert!(futures::poll!(&mut waits).is_pending());
    context.index.applied(&newcomer, None);
    context.index.owns(&newcomer.key(), true);
    let mut as_the_owner = Box::pin(pass(Arc::new(newcomer), &context));
    assert!(futures::poll!(&mut as_the_owner).is_pending());
    drop(alone);
    waits.await;
    as_the_owner.await;
}
