use std::sync::Mutex;

use futures::stream;
use serde_json::json;

use super::*;
use crate::controller::fixtures;

#[tokio::test]
async fn everybody_is_woken_once_and_only_when_the_listing_ended() {
    let dev = json!({"workspaceRef": {"name": "dev"}});
    let listed = |name: &str| Event::InitApply(fixtures::version(name, name, &dev));
    for (events, expected) in [
        (vec![Event::Init, listed("one"), listed("two")], vec![]),
        (vec![Event::Init, listed("one"), listed("two"), Event::InitDone], vec!["one", "two"]),
        // The watch broke: who is gone is not woken, and the others get a look at what was missed.
        (
            vec![
                Event::Init,
                listed("one"),
                listed("two"),
                Event::InitDone,
                Event::Init,
                listed("two"),
                Event::InitDone,
            ],
            vec!["one", "two", "two"],
        ),
        (vec![Event::Apply(fixtures::version("one", "one", &dev))], vec!["one"]),
    ] {
        let (store, writer) = reflector::store();
        let woken = Mutex::new(vec![]);
        let wake = |whom: &[Arc<ObjectKey>]| {
            let mut woken = woken.lock().expect("not poisoned");
            woken.extend(whom.iter().map(|key| key.name.to_string()));
            let known = |key: &Arc<ObjectKey>| store.get(&ObjectRef::new(&key.name).within(&key.namespace));
            assert!(whom.iter().all(|key| known(key).is_some()), "whoever is woken is in the store");
        };
        take_in(stream::iter(events), &fixtures::context(), writer, wake).await;
        assert_eq!(woken.into_inner().expect("not poisoned"), expected);
    }
}
