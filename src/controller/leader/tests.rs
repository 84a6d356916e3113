use super::*;

fn lease(spec: &serde_json::Value) -> Lease {
    let lease = json!({"metadata": {"name": "bindery", "resourceVersion": "7"}, "spec": spec});
    serde_json::from_value(lease).expect("a Lease")
}

#[test]
fn a_lease_says_who_holds_it() {
    let time = "2026-03-01T12:00:00.000000Z";
    for (spec, holder, duration, transitions) in [
        (
            json!({"holderIdentity": "a", "leaseDurationSeconds": 15, "leaseTransitions": 3, "renewTime": time}),
            Holder::Process("a".into()),
            15,
            3,
        ),
        (
            json!({"holderIdentity": "", "leaseDurationSeconds": 15, "renewTime": time}),
            Holder::Released,
            15,
            0,
        ),
        (json!({}), Holder::Unknown, 0, 0),
        (json!({"holderIdentity": ""}), Holder::Unknown, 0, 0),
        (
            json!({"holderIdentity": "a", "leaseDurationSeconds": -1, "leaseTransitions": -1}),
            Holder::Process("a".into()),
            0,
            0,
        ),
    ] {
        let expected =
            Record { holder, duration: Duration::from_secs(duration), transitions, version: "7".into() };
        assert_eq!(record(&lease(&spec)), expected);
    }
}

#[test]
fn no_two_processes_have_one_identity() {
    let (one, other) = (LeaderElection::identity("pod-1"), LeaderElection::identity("pod-1"));
    assert!(one.starts_with("pod-1_") && one != other, "{one} {other}");
}
