//! Deletion in the right order, and handing over.

use crate::api::BindingDeletion;
use crate::azure::Class;
use crate::decide::fixtures::{Binding, assert_table, binding};
use crate::decide::{Look, Mode, Place};

fn ending(it: Binding) -> Binding {
    it.with(|f| f.situation.deleting = true)
}

#[test]
fn a_deletion_goes_in_the_right_order() {
    let quiet = |it: Binding| it.moved(&[]).tagged("bindery-traffic", "");
    assert_table(&[
        (
            "serving",
            ending(binding().serving("1").previous("2", 60)).decide(),
            "False Deleting working | -> take all traffic off the endpoint taxi | now",
        ),
        (
            "quiet",
            ending(quiet(binding().serving("1").previous("2", 60))).decide(),
            "False Deleting working | -> delete deployment v1 | now",
        ),
        (
            "no deployment left",
            ending(binding().endpoint()).decide(),
            "False Deleting working | -> delete the endpoint taxi | now",
        ),
        (
            "gone",
            ending(binding()).decide(),
            "False Finishing working | The endpoint is gone from Azure. | interval | released",
        ),
        (
            "nothing was made",
            ending(binding())
                .with(|f| {
                    f.id = None;
                    f.endpoint = Look::Unseen;
                })
                .decide(),
            "False Finishing working | Nothing was made in Azure. | interval | released",
        ),
        (
            "a deployment is being made",
            ending(binding().serving("1").deployed("2", "Creating")).decide(),
            "False OperationRunning working | Azure works on it: a change of deployment v2. | 1 s",
        ),
        (
            "retained",
            ending(binding().serving("1"))
                .with(|f| f.spec.deletion_policy = BindingDeletion::Retain)
                .decide(),
            "False Finishing working | The endpoint stays in Azure: spec.deletionPolicy is Retain. | interval | released",
        ),
        (
            "suspended",
            ending(binding().serving("1")).with(|f| f.situation.mode = Mode::Suspended).decide(),
            "False Finishing working | Bindery lets go and leaves Azure as it is: spec.suspend is true. | interval | released",
        ),
        (
            "observed, and Azure is changing it",
            ending(binding().serving("1").deployed("2", "Creating"))
                .with(|f| f.situation.mode = Mode::ObserveOnly)
                .decide(),
            "False Finishing working | Bindery lets go and leaves Azure as it is: the operator runs with --observe-only. | interval | released",
        ),
        (
            "Azure cannot be read",
            ending(binding())
                .with(|f| {
                    f.endpoint = Look::Unseen;
                    f.situation.unreadable_by(Class::Transient);
                })
                .decide(),
            "False Unreachable working | Bindery could not read it: No. Bindery tries again, at least every 5 min. | 1 s",
        ),
        (
            "its workspace is gone, and Azure is read by the status",
            ending(binding().serving("1"))
                .with(|f| f.place = Place::Missing { what: "Workspace fares/production".into() })
                .decide(),
            "False Deleting working | -> take all traffic off the endpoint taxi | now",
        ),
    ]);
}

#[test]
fn what_is_not_ours_stays() {
    let mixed = || ending(binding().serving("1").foreign("blue"));
    assert_table(&[
        (
            "handed over to a binding that claims it",
            ending(binding().serving("1")).with(|f| f.situation.claimed_by("fares/renamed", -60)).decide(),
            "False Finishing working | The endpoint stays in Azure: it is handed over to the other binding that claims it. | interval | released",
        ),
        (
            "another binding's",
            ending(binding().serving("1")).tagged("bindery-owner", "prod/fares/renamed").decide(),
            "False Finishing working | The endpoint stays in Azure: it is not this binding's. | interval | released",
        ),
        (
            "nobody's",
            {
                let mut it = ending(binding().serving("1"));
                it.found().tags.clear();
                it.decide()
            },
            "False Finishing working | The endpoint stays in Azure: it is not this binding's. | interval | released",
        ),
        (
            "a foreign deployment serves too",
            mixed().traffic(&[("1", 50), ("blue", 50)]).decide(),
            "False InUse stalled | The endpoint taxi also sends traffic to blue, which is not Bindery's. Move all traffic to it or none, or set spec.deletionPolicy to Retain. | interval",
        ),
        (
            "a foreign deployment is idle, ours serves",
            mixed().decide(),
            "False Deleting working | -> take all traffic off the endpoint taxi | now",
        ),
        (
            "a foreign deployment serves, ours is idle",
            mixed().traffic(&[("blue", 100)]).decide(),
            "False Deleting working | -> delete deployment v1 | now",
        ),
        (
            "only a foreign deployment is left",
            ending(binding().endpoint().foreign("blue").traffic(&[("blue", 100)])).decide(),
            "False Deleting working | -> let go of the endpoint taxi, on which other deployments are | now",
        ),
        (
            "let go of",
            {
                let mut it = ending(binding().endpoint().foreign("blue"));
                it.found().tags.clear();
                it.decide()
            },
            "False Finishing working | The endpoint stays in Azure: it is not this binding's. | interval | released",
        ),
    ]);
}
