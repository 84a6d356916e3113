#![allow(clippy::unwrap_used)]

use super::*;
use crate::decide::fixtures::{ago, noon, situation};

fn tags(owner: &str) -> Strings {
    [(OWNER_TAG.to_string(), owner.to_string())].into()
}

/// Why `fares/ours` may not act on a resource with this tag, of whose owner the cluster knows this.
fn not_ours(tag: &str, standing: Option<Standing>, others: &[(&str, i64)]) -> String {
    let mut it = situation("fares/ours");
    for (name, older_by) in others {
        it.claimed_by(name, *older_by);
    }
    let owner = Owner::of(&tags(tag));
    it.ownership.tagged = owner.zip(standing).map(|(owner, standing)| Tagged::Other(owner, standing));
    match it.not_ours(Some(&tags(tag))) {
        None => "ours to act on".into(),
        Some(NotOurs::Theirs(whose, owner)) => {
            let there = !whose.contains(" of cluster ")
                && !whose.contains(", which is not in this cluster")
                && !whose.contains(", which names another resource now");
            assert_eq!(owner.is_none(), there, "what frees it is told where its owner may be gone: {whose}");
            format!("of {whose}")
        }
        Some(NotOurs::Unowned) => "nobody's".into(),
        Some(NotOurs::Going(name)) => format!("{name} goes"),
        Some(NotOurs::Missing(name, until)) => format!("{name} is missing until {until}"),
    }
}

#[test]
fn the_tag_decides_while_its_object_lives_and_age_only_where_it_names_none() {
    let lives = || Some(Standing::Lives { going: false });
    let absent = |seconds| Some(Standing::Absent(ago(seconds)));
    let blue = "of blue/old, which is not in this cluster; only an object of namespace blue inherits it";
    for (tag, standing, others, expected) in [
        // Nobody's: the older one is right; of the same second, the first by name.
        ("", None, &[("fares/younger", -1)][..], "ours to act on"),
        ("", None, &[("blue/older", 1)], "of blue/older, which was created earlier"),
        ("", None, &[("fares/oldest", 2), ("fares/older", 1)], "of fares/oldest, which was created earlier"),
        ("", None, &[("fares/p", 0)], "ours to act on"),
        ("", None, &[("fares/a", 0)], "of fares/a, which was created earlier"),
        ("nonsense", None, &[], "ours to act on"),
        // Ours, however old others are.
        ("prod/fares/ours", None, &[("blue/older", 1), ("fares/older", 1)], "ours to act on"),
        // Another cluster's.
        ("other/fares/ours", None, &[], "of fares/ours of cluster other"),
        // Another object's that lives, however young it is.
        ("prod/fares/younger", lives(), &[("fares/younger", -1)], "of fares/younger"),
        ("prod/blue/younger", lives(), &[("blue/younger", -1)], "of blue/younger"),
        ("prod/fares/old", Some(Standing::Lives { going: true }), &[], "fares/old goes"),
        ("prod/blue/old", Some(Standing::Lives { going: true }), &[], "of blue/old"),
        // One that is not there: free in its own namespace after a while, and never in another.
        ("prod/fares/old", absent(299), &[], "fares/old is missing until 2026-03-01T12:00:01Z"),
        ("prod/fares/old", absent(300), &[], "ours to act on"),
        ("prod/fares/old", absent(300), &[("blue/older", 1)], "ours to act on"),
        ("prod/fares/old", absent(300), &[("fares/older", 1)], "of fares/older, which was created earlier"),
        ("prod/blue/old", absent(9000), &[], blue),
        // One that this process has let go is not waited for.
        ("prod/fares/old", Some(Standing::LetGo), &[], "ours to act on"),
        ("prod/blue/old", Some(Standing::LetGo), &[], blue),
        // One that names another resource now.
        ("prod/fares/old", Some(Standing::Elsewhere), &[], "ours to act on"),
        (
            "prod/blue/old",
            Some(Standing::Elsewhere),
            &[],
            "of blue/old, which names another resource now; only an object of namespace blue inherits it",
        ),
        // The answer to a call names one that nobody has looked up: a claimant lives, others may be missing.
        ("prod/fares/heir", None, &[("fares/heir", -1)], "of fares/heir"),
        ("prod/fares/old", None, &[], "fares/old is missing until 2026-03-01T12:05:00Z"),
    ] {
        assert_eq!(not_ours(tag, standing, others), expected, "{tag} {others:?}");
    }
}

#[test]
fn whoever_only_observes_is_in_nobodys_way() {
    let mut it = situation("fares/ours");
    it.claimed_by("fares/watching", 60);
    it.ownership.claimants[0].manages = false;
    it.left_by("fares/old", 300);
    assert_eq!(it.not_ours(Some(&tags("prod/fares/old"))), None);
}

#[test]
fn the_owners_tag_fits_and_stays_readable() {
    let cluster = "aks-prod-weu";
    assert_eq!(Owner::new(cluster, "fares/taxi").to_string(), "aks-prod-weu/fares/taxi");
    let longest = |end: char| format!("{}/{}{end}", "n".repeat(63), "o".repeat(252));
    let tag = Owner::new(cluster, &longest('x')).to_string();
    assert_eq!(tag.chars().count(), 256);
    assert!(tag.starts_with(&format!("aks-prod-weu/{}/oooo", "n".repeat(63))));
    let read = Owner::of(&tags(&tag)).unwrap();
    assert!(read.is(&longest('x')) && !read.is(&longest('y')));
    assert_eq!(read.namespace(), "n".repeat(63));
    // One that just fits is whole.
    let fits = format!("{}/{}", "n".repeat(63), "o".repeat(256 - 64 - cluster.len() - 1));
    assert_eq!(Owner::new(cluster, &fits).object, fits);
}

#[test]
fn whoever_would_have_to_clean_up_is_held() {
    let needs = |change: &dyn Fn(&mut Situation), calls| {
        let mut it = situation("fares/ours");
        change(&mut it);
        it.needs_finalizer(calls)
    };
    let owns = |it: &mut Situation| it.ownership.tagged = Some(Tagged::Us);
    let observes = |it: &mut Situation| (it.ownership.tagged, it.mode) = (Some(Tagged::Us), Mode::Observe);
    let suspended = |it: &mut Situation| (it.ownership.tagged, it.mode) = (Some(Tagged::Us), Mode::Suspended);
    let goes = |it: &mut Situation| (it.ownership.tagged, it.deleting) = (Some(Tagged::Us), true);
    let refused = |it: &mut Situation| it.ownership.tagged = Some(Tagged::NoneOfThisCluster);
    assert!(needs(&|_| (), true) && !needs(&|_| (), false));
    assert!(needs(&owns, false) && needs(&suspended, false));
    assert!(!needs(&observes, false) && !needs(&goes, false) && !needs(&refused, false));
    // Whoever may inherit: of the same namespace, and let in by the place.
    assert!(needs(&|it| it.claimed_by("fares/other", 1), false));
    assert!(!needs(&|it| it.claimed_by("blue/other", 1), false));
    assert!(needs(&|it| it.ownership.leaving.push("fares/old".into()), false));
    assert!(!needs(&|it| it.ownership.leaving.push("blue/old".into()), false));
    let shut_out = |it: &mut Situation| {
        it.claimed_by("fares/other", 1);
        it.ownership.right = Right::unless(Some("No.".into()));
    };
    assert!(!needs(&shut_out, false));
}

#[test]
fn a_deletion_waits_for_an_heir() {
    let answer = |change: &dyn Fn(&mut Situation), patience| {
        let mut it = situation("fares/ours");
        (it.deleting, it.deleted_at) = (true, Some(ago(30)));
        change(&mut it);
        let verdict = it.hand_over("endpoint taxi", Duration::from_secs(patience), |heir, doing| {
            assert_eq!(heir.object, "fares/heir");
            Some(Call::new(
                crate::azure::model::Purpose::HandOver,
                crate::decide::fixtures::somewhere(),
                crate::azure::model::Action::Delete,
                doing,
            ))
        });
        verdict.map(|it| it.message).unwrap_or_default()
    };
    let waits = "The endpoint taxi is taken down from 2026-03-01T12:01:30Z on, unless another object of namespace fares names it before and takes it over, as after a rename in Git.";
    assert_eq!(answer(&|_| (), 120), waits);
    // A stranger is no heir.
    assert_eq!(answer(&|it| it.claimed_by("blue/heir", 1), 120), waits);
    for patience in [0, 30] {
        assert_eq!(answer(&|_| (), patience), "", "{patience}");
    }
    assert_eq!(answer(&|it| it.ownership.namespace_ends = true, 120), "");
    let handed = "Bindery is about to hand the endpoint taxi over to fares/heir.";
    assert_eq!(answer(&|it| it.claimed_by("fares/heir", -1), 120), handed);
    assert_eq!(answer(&|it| it.claimed_by("fares/heir", -1), 0), handed);
}

#[test]
fn what_waits_says_until_when() {
    let mut it = situation("fares/ours");
    it.ownership.tagged = Some(Tagged::Other(Owner::new("prod", "fares/old"), Standing::Absent(noon())));
    let tags = tags("prod/fares/old");
    let verdict = it.leave_alone((None, Some(&tags)), "The endpoint taxi", "Delete one").unwrap();
    assert_eq!(
        (verdict.reason, verdict.course, verdict.message.as_str()),
        (
            Reason::Inheriting,
            crate::decide::verdict::Course::Working,
            "The endpoint taxi belongs to fares/old, which is not in this cluster. Unless it comes back, as from a backup, this object inherits at 2026-03-01T12:05:00Z."
        )
    );
}
