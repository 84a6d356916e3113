//! A rollout goes on when the windows of its binding and of its workspace let it.

use bindery::api::{DeploymentBinding, Workspace};
use e2e::stand::{Stand, condition, not_ready_because};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::taxi::{ENDPOINT, pausing_at, serve, status, with};
use crate::{Outcome, taxi};

fn windows(kind: &str, schedule: &str, duration: &str) -> Value {
    json!([{"name": "office", "kind": kind, "schedule": schedule, "duration": duration}])
}

fn closed(b: &DeploymentBinding) -> bool {
    not_ready_because(b, "WindowClosed") && status(b).window.is_some_and(|window| !window.open)
}

async fn act(stand: &Stand, name: &str, action: Value) -> Outcome {
    let of_it = json!({"bindingRef": {"name": "taxi"}, "requestedBy": "ada"});
    stand.apply("RolloutAction", name, with(of_it, action)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_begins_when_its_window_opens_and_stays_when_one_closes() -> Outcome {
    let stand = taxi::stand("windows").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let steps = json!([{"setTraffic": 10}, {"name": "watch", "pause": {}}]);
    let first = serve(&stand, taxi::binding("taxi-1")).await?;

    // A begin that is some seconds ahead, by a clock that shows whole minutes.
    let opens = (Timestamp::now() + 5.seconds()).to_zoned(TimeZone::UTC) + 1.minute();
    let opens = opens.with().second(0).subsec_nanosecond(0).build()?.timestamp();
    let minute = opens.to_zoned(TimeZone::UTC).minute();
    let allow = windows("Allow", &format!("{minute} * * * *"), "30m");
    let strategy = json!({"strategy": {"steps": steps, "windows": allow}});
    stand.apply("DeploymentBinding", "taxi", with(taxi::binding("taxi-2"), strategy)).await?;
    let waits = stand.wait_for::<DeploymentBinding>("taxi", "closed", closed).await?;
    assert_eq!(status(&waits).window.and_then(|window| window.next_open), Some(opens));
    assert_eq!(condition(&waits, "Stalled"), None, "it needs nobody's help");
    assert_eq!(taxi::created(&stand), std::slice::from_ref(&first), "no candidate is made");
    let paused = stand.wait_for::<DeploymentBinding>("taxi", "the pause", pausing_at(10)).await?;
    let begun = status(&paused).candidate.ok_or("a candidate")?;
    assert!(begun.started_at >= opens, "{} {opens}", begun.started_at);
    assert!(status(&paused).window.is_some_and(|it| it.open && it.next_close == Some(opens + 30.minutes())));

    // The workspace closes for good: a person's word waits, but not one that takes back.
    stand
        .edit::<Workspace>("fares-prod", json!({"policy": {"windows": windows("Deny", "* * * * *", "1h")}}))
        .await?;
    let stays = stand.wait_for::<DeploymentBinding>("taxi", "closed", closed).await?;
    assert_eq!(condition(&stays, "Stalled").map(|(holds, ..)| holds).as_deref(), Some("True"));
    let revision = json!({"revision": begun.revision});
    act(&stand, "go", with(revision.clone(), json!({"action": "Promote", "full": true}))).await?;
    let said = |b: &DeploymentBinding| {
        let taken = status(b).actions;
        taken.iter().any(|it| it.name == "go" && it.message.ends_with("tells: WindowClosed."))
    };
    stand.wait_for::<DeploymentBinding>("taxi", "an action that waits", said).await?;
    let traffic = || stand.azure_field(ENDPOINT, "/properties/traffic");
    assert_eq!(traffic()[&begun.deployment], 10);
    act(&stand, "back", with(revision, json!({"action": "Rollback"}))).await?;
    let held = |b: &DeploymentBinding| not_ready_because(b, "Held") && status(b).hold.is_some();
    stand.wait_for::<DeploymentBinding>("taxi", "Held", held).await?;
    assert_eq!(traffic(), json!({first: 100}));
    Ok(())
}
