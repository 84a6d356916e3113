//! Autoscale settings: when they are made, changed and deleted, and what happens beside them.

use serde_json::{Value, json};

use crate::api::{AutoscaleStatus, BindingDeletion, Phase, Reason};
use crate::azure::model::resource::AutoscaleSetting;
use crate::azure::model::{Action, Class, Error, Purpose, Reply};
use crate::decide::deployment_binding::Settings;
use crate::decide::fixtures::{Binding, assert_table, attempt, binding, failure};
use crate::decide::rollout::{setting_of, written_setting};
use crate::decide::{Look, Mode};

/// Two to eight instances, by the processors.
fn scaled(it: Binding) -> Binding {
    scaled_by(it, &json!({"minInstances": 2, "maxInstances": 8, "cpuPercent": 70}))
}

fn scaled_by(it: Binding, autoscale: &Value) -> Binding {
    it.with(|f| {
        f.spec.online.deployment.instance_count = None;
        f.spec.online.deployment.autoscale = Some(serde_json::from_value(autoscale.clone()).unwrap());
        f.settings = Settings::Known(vec![]);
    })
}

/// Azure has the setting of a version's deployment, as Bindery writes it.
fn with_setting(it: Binding, number: &str) -> Binding {
    let name = it.name(number);
    it.with(|f| {
        let wanted = f.spec.online.deployment.autoscale.clone().unwrap_or_else(|| {
            serde_json::from_value(json!({"minInstances": 2, "maxInstances": 8, "cpuPercent": 70})).unwrap()
        });
        let id = f.deployment_id(&name).unwrap();
        let mut setting = written_setting(None, &wanted, &id, "eastus", &f.situation.ownership.owner);
        let made = setting_of(&id).unwrap();
        setting.rest.insert("name".into(), made.name().into());
        f.status.autoscale.push(AutoscaleStatus { deployment: name.clone(), id: made.to_string() });
        match &mut f.settings {
            Settings::Known(all) => all.push(setting),
            other => *other = Settings::Known(vec![setting]),
        }
    })
}

/// Another one has made a setting for a version's deployment.
fn with_theirs(it: Binding, number: &str) -> Binding {
    with_setting(it, number).with(|f| {
        f.status.autoscale.clear();
        first(f).rest.insert("name".into(), "theirs".into());
    })
}

fn first(f: &mut crate::decide::deployment_binding::Facts) -> &mut AutoscaleSetting {
    let Settings::Known(all) = &mut f.settings else { panic!("no settings are known") };
    &mut all[0]
}

/// Version 1 serves, and version 2 is to.
fn rollout() -> Binding {
    binding().wanting("2").steps(json!([{"setTraffic": 10}, {"pause": {"for": "10m"}}])).serving("1")
}

/// Version 1 is to serve again, which did not long ago, and its deployment was made again.
fn proven() -> Binding {
    let it = binding().wanting("1").steps(json!([{"setTraffic": 10}])).serving("1");
    let gone = it.with(|f| {
        f.deployments.clear();
        f.status.deployments.clear();
    });
    gone.serving("2").candidate("1", 0, 60)
}

fn put(it: &Binding) -> Value {
    match it.decide().call.unwrap().action {
        Action::Put(body) => body,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_candidate_has_its_setting_before_it_gets_traffic() {
    let candidate = || scaled(rollout().candidate("2", 0, 60));
    assert_table(&[
        (
            "the first version of an endpoint",
            scaled(binding().endpoint().deployed("1", "Succeeded")).decide(),
            "False Updating working | -> make the autoscale setting of deployment v1: 2 to 8 instances | now",
        ),
        (
            "with it, it serves",
            with_setting(scaled(binding().endpoint().deployed("1", "Succeeded")), "1").decide(),
            "False Progressing working | -> give v1 all the traffic and make it the stable one | now",
        ),
        (
            "a candidate",
            candidate().decide(),
            "False Updating working | -> make the autoscale setting of deployment v2: 2 to 8 instances | now",
        ),
        (
            "with it, it rises",
            with_setting(candidate(), "2").decide(),
            "False Progressing working | -> move 10 % of the traffic to v2 | now",
        ),
        (
            "another one scales it already",
            with_theirs(candidate(), "2").decide(),
            "False AutoscaleNotOurs stalled | The autoscale setting theirs already scales deployment v2, and Bindery did not make it. Azure takes one setting for a deployment: delete that one, or remove spec.online.deployment.autoscale. | interval",
        ),
        (
            "nobody may read the settings",
            candidate()
                .with(|f| f.settings = Settings::Unread(Error::new(Class::Unauthorized, "You may not.")))
                .decide(),
            "False Unauthorized stalled | Bindery could not read the autoscale settings in the resource group of the endpoint taxi: You may not. Check the rights of that identity in Azure; Bindery tries again, at least every 10 min. | 160 s",
        ),
        (
            "back to what was stable not long ago and was made again",
            scaled(proven()).decide(),
            "False Updating working | -> make the autoscale setting of deployment v1: 2 to 8 instances | now",
        ),
        (
            "with it, it serves at once",
            with_setting(scaled(proven()), "1").decide(),
            "False Progressing working | -> give v1 all the traffic and make it the stable one | now",
        ),
        (
            "back to what is warm: nothing waits for a setting",
            with_setting(scaled(rollout().previous("2", 60)), "2").decide(),
            "False Progressing working | -> give v2 all the traffic and make it the stable one | now",
        ),
        (
            "a failed candidate is taken back first",
            scaled(rollout().candidate("2", 10, 60))
                .with(|f| {
                    f.deployments[1].properties.provisioning_state = Some("Failed".into());
                })
                .decide(),
            "False TakingBack working | -> take the traffic from v2, which failed, and give it to v1 | now",
        ),
    ]);
}

#[test]
fn a_setting_follows_the_manifest() {
    let serving = || with_setting(scaled(binding().serving("1")), "1");
    let requests = json!({"minInstances": 2, "maxInstances": 8, "requestsPerInstance": 600});
    let by_requests = || with_setting(scaled_by(binding().serving("1"), &requests), "1");
    let settled = "True Succeeded settled | v1 serves all the traffic of taxi. | interval";
    assert_table(&[
        ("as it should be", serving().decide(), settled),
        (
            "Azure has scaled: the count is Azure's",
            serving().with(|f| f.deployments[0].sku.as_mut().unwrap().capacity = Some(7)).decide(),
            settled,
        ),
        (
            "Azure is scaling it",
            serving()
                .with(|f| f.deployments[0].properties.provisioning_state = Some("Scaling".into()))
                .decide(),
            "True Succeeded working | v1 serves all the traffic of taxi. | 1 s",
        ),
        (
            "the tag was lost: it is Bindery's by its name",
            serving()
                .with(|f| {
                    first(f).tags.clear();
                    first(f).properties.enabled = false;
                })
                .decide(),
            "False Drifted working | -> put back the autoscale setting of deployment v1: 2 to 8 instances | now",
        ),
        (
            "somebody else changed the limits",
            serving().with(|f| first(f).properties.profiles[0]["capacity"]["maximum"] = json!("9")).decide(),
            "False Drifted working | -> put back the autoscale setting of deployment v1: 2 to 8 instances | now",
        ),
        (
            "somebody else turned it off",
            serving().with(|f| first(f).properties.enabled = false).decide(),
            "False Drifted working | -> put back the autoscale setting of deployment v1: 2 to 8 instances | now",
        ),
        (
            "somebody else deleted it",
            scaled(binding().serving("1")).decide(),
            "False Drifted working | -> make the autoscale setting of deployment v1: 2 to 8 instances | now",
        ),
        (
            "somebody else changed a rule, and Bindery only looks",
            serving()
                .with(|f| {
                    f.situation.mode = Mode::Observe;
                    first(f).properties.profiles[0]["rules"][0]["metricTrigger"]["threshold"] = json!(99);
                })
                .decide(),
            "True Observed settled | Bindery would put back the autoscale setting of deployment v1: 2 to 8 instances, but spec.management is Observe. | 600 s",
        ),
        (
            "somebody else has the rule count the requests to another deployment",
            by_requests()
                .with(|f| {
                    let rule = &mut first(f).properties.profiles[0]["rules"][0];
                    rule["metricTrigger"]["dimensions"][0]["Values"] = json!(["another"]);
                })
                .decide(),
            "False Drifted working | -> put back the autoscale setting of deployment v1: 2 to 8 instances | now",
        ),
        ("it counts the requests to its own", by_requests().decide(), settled),
        (
            "Azure writes numbers otherwise",
            serving()
                .with(|f| {
                    first(f).properties.profiles[0]["rules"][0]["metricTrigger"]["threshold"] = json!(70.0);
                })
                .decide(),
            settled,
        ),
        (
            "the manifest says another range",
            serving()
                .edited()
                .with(|f| f.spec.online.deployment.autoscale.as_mut().unwrap().max_instances = 4)
                .decide(),
            "False Updating working | -> change the autoscale setting of deployment v1: 2 to 4 instances | now",
        ),
        (
            "the manifest names none any more: the setting goes before a count is written",
            with_setting(binding().serving("1"), "1")
                .edited()
                .with(|f| f.deployments[0].sku.as_mut().unwrap().capacity = Some(7))
                .decide(),
            "False Updating working | -> delete the autoscale setting of deployment v1, for which the manifest names none | now",
        ),
        (
            "the settings cannot be read for a moment",
            serving().with(|f| f.settings = Settings::Unread(Error::new(Class::Transient, "No."))).decide(),
            settled,
        ),
        (
            "another one scales what serves",
            with_theirs(scaled(binding().serving("1")), "1").decide(),
            "False AutoscaleNotOurs stalled | The autoscale setting theirs already scales deployment v1, and Bindery did not make it. Azure takes one setting for a deployment: delete that one, or remove spec.online.deployment.autoscale. | interval",
        ),
    ]);
}

/// What somebody else did to Azure is an event that warns; what the manifest asks for is none.
#[test]
fn people_are_warned_of_a_setting_that_is_put_back() {
    let event = |it: Binding| {
        let decision = it.decide();
        let (call, deed) = (decision.call.unwrap(), decision.deed.unwrap());
        let event = deed.taken(&call, &Reply::default());
        (event.warning, event.reason)
    };
    let drifted =
        with_setting(scaled(binding().serving("1")), "1").with(|f| first(f).properties.enabled = false);
    assert_eq!(event(drifted.clone()), (true, Reason::Drifted));
    assert_eq!(drifted.decide().status.phase, Some(Phase::Serving), "that is no rollout");
    assert_eq!(event(drifted.edited()), (false, Reason::Succeeded));
}

#[test]
fn what_is_kept_keeps_its_setting_until_it_goes() {
    let promoted = |seconds: u64| {
        with_setting(
            with_setting(scaled(binding().wanting("2").serving("2").previous("1", seconds)), "2"),
            "1",
        )
    };
    let lagging = promoted(60).with(|f| f.deployments.retain(|d| !d.name().starts_with("v1")));
    let name = promoted(60).name("1");
    assert!(lagging.0.to_read().contains(&name), "only the list may lack it");
    let refused = |seconds: u64| {
        with_setting(scaled(rollout()), "3").with(|f| {
            let setting = crate::azure::model::ResourceId::new(&f.status.autoscale[0].id);
            let tried = attempt(Purpose::RemoveAutoscale, &setting, "delete it");
            f.situation.trouble.failure = Some(failure(tried, Class::Permanent, seconds, 3));
        })
    };
    assert_table(&[
        (
            "kept",
            promoted(60).decide(),
            "True Succeeded settled | v2 serves all the traffic of taxi. | 600 s",
        ),
        (
            "its time is over: the setting first",
            promoted(3600).decide(),
            "True Succeeded working | -> delete the autoscale setting of deployment v1, which no longer serves | now",
        ),
        (
            "it is gone, and its setting is there again",
            lagging.decide(),
            "True Succeeded working | -> delete the autoscale setting of deployment v1, which is gone | now",
        ),
        (
            "Azure does not delete the setting: the rollout goes on meanwhile",
            refused(39).decide(),
            "False Progressing working | -> create deployment v2 of taxi:2 | now",
        ),
        (
            "when the next try is due, that comes first",
            refused(40).decide(),
            "False Refused stalled | -> delete the autoscale setting of deployment v3, which is gone | now",
        ),
        (
            "the settings cannot be read: what the status remembers is deleted",
            promoted(3600)
                .with(|f| f.settings = Settings::Unread(Error::new(Class::Unauthorized, "No.")))
                .decide(),
            "True Succeeded working | -> delete the autoscale setting of deployment v1, which no longer serves | now",
        ),
        (
            "a setting of a deployment that is about to be made again goes first",
            with_setting(scaled(rollout()), "2").decide(),
            "False Progressing working | -> delete the autoscale setting of deployment v2, which is gone | now",
        ),
    ]);
}

#[test]
fn a_binding_that_goes_leaves_no_setting() {
    let going = || {
        with_setting(scaled(binding().serving("1")), "1").with(|f| {
            f.situation.deleting = true;
            f.spec.strategy.handover = Some(crate::api::Period::new("0s"));
        })
    };
    let idle = || {
        let mut it = going().tagged("bindery-traffic", "");
        it.found().properties.traffic.clear();
        it
    };
    let without_setting = |it: Binding| {
        it.with(|f| {
            f.settings = Settings::Known(vec![]);
            f.status.autoscale.clear();
        })
    };
    assert_table(&[
        (
            "traffic first",
            going().decide(),
            "False Deleting working | -> take all traffic off the endpoint taxi | now",
        ),
        (
            "then the setting",
            idle().decide(),
            "False Deleting working | -> delete the autoscale setting of deployment v1, which goes | now",
        ),
        (
            "Azure refuses to delete the setting: what costs money goes",
            idle()
                .with(|f| {
                    let setting = crate::azure::model::ResourceId::new(&f.status.autoscale[0].id);
                    let tried = attempt(Purpose::RemoveAutoscale, &setting, "delete it");
                    f.situation.trouble.failure = Some(failure(tried, Class::Unauthorized, 1, 1));
                })
                .decide(),
            "False Deleting working | -> delete deployment v1 | now",
        ),
        (
            "then the deployment",
            without_setting(idle()).decide(),
            "False Deleting working | -> delete deployment v1 | now",
        ),
        (
            "a setting that is there again, before the endpoint",
            idle().with(|f| f.deployments.clear()).decide(),
            "False Deleting working | -> delete the autoscale setting of deployment v1, which is gone | now",
        ),
        (
            "then the endpoint",
            without_setting(idle()).with(|f| f.deployments.clear()).decide(),
            "False Deleting working | -> delete the endpoint taxi | now",
        ),
        (
            "somebody else deleted the endpoint",
            idle()
                .with(|f| {
                    f.deployments.clear();
                    f.endpoint = Look::Absent;
                })
                .decide(),
            "False Deleting working | -> delete the autoscale setting of deployment v1, which is gone | now",
        ),
        (
            "everything stays",
            going().with(|f| f.spec.deletion_policy = BindingDeletion::Retain).decide(),
            "False Finishing working | The endpoint stays in Azure: spec.deletionPolicy is Retain. | interval | released",
        ),
        (
            "nobody may read settings, and there never was one",
            without_setting(idle())
                .with(|f| f.settings = Settings::Unread(Error::new(Class::Unauthorized, "No.")))
                .decide(),
            "False Deleting working | -> delete deployment v1 | now",
        ),
    ]);
}

#[test]
fn a_setting_as_it_is_written() {
    let it = scaled(rollout().candidate("2", 0, 60));
    let id = it.0.deployment_id(&it.name("2")).unwrap();
    let name = setting_of(&id).unwrap();
    assert!(name.as_str().starts_with(
        "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Insights/autoscalesettings/bindery-v2-"
    ));
    let rule = |operator: &str, threshold: i32, direction: &str, by: &str| {
        json!({
            "metricTrigger": {
                "metricName": "CpuUtilizationPercentage",
                "metricNamespace": "microsoft.machinelearningservices/workspaces/onlineendpoints/deployments",
                "metricResourceUri": id.as_str(), "timeGrain": "PT1M", "statistic": "Average", "timeWindow": "PT5M",
                "timeAggregation": "Average", "operator": operator, "threshold": threshold, "dimensions": [],
                "dividePerInstance": false,
            },
            "scaleAction": {"direction": direction, "type": "ChangeCount", "value": by, "cooldown": "PT15M"},
        })
    };
    assert_eq!(
        put(&it),
        json!({
            "location": "eastus", "tags": {"bindery-owner": "prod/fares/taxi"},
            "properties": {
                "name": name.name(), "enabled": true, "targetResourceUri": id.as_str(),
                "targetResourceLocation": "eastus", "notifications": [],
                "profiles": [{
                    "name": "default", "capacity": {"minimum": "2", "maximum": "8", "default": "2"},
                    "rules": [rule("GreaterThan", 70, "Increase", "2"), rule("LessThan", 35, "Decrease", "1")],
                }],
            },
        })
    );
    let remembered = it.decide().status.autoscale;
    assert_eq!(remembered, [AutoscaleStatus { deployment: it.name("2"), id: name.to_string() }]);

    let by_requests = json!({"minInstances": 3, "maxInstances": 4, "requestsPerInstance": 600});
    let body = put(&scaled_by(rollout().candidate("2", 0, 60), &by_requests));
    let trigger = &body["properties"]["profiles"][0]["rules"][1]["metricTrigger"];
    assert_eq!(trigger["metricResourceUri"], json!(id.parent().parent().as_str()));
    assert_eq!((&trigger["threshold"], &trigger["dividePerInstance"]), (&json!(300), &json!(true)));
    assert_eq!(
        trigger["dimensions"],
        json!([{"DimensionName": "deployment", "Operator": "Equals", "Values": [id.name()]}])
    );

    // Azure refuses a step that is larger than the range, so a range of nothing has no rules.
    let fixed = json!({"minInstances": 3, "maxInstances": 3, "cpuPercent": 50});
    let body = put(&scaled_by(rollout().candidate("2", 0, 60), &fixed));
    assert_eq!(body["properties"]["profiles"][0]["rules"], json!([]));
}

#[test]
fn what_somebody_added_to_a_setting_stays() {
    let it = with_setting(scaled(binding().serving("1")), "1").with(|f| {
        let setting = first(f);
        setting.tags.insert("team".into(), "fares".into());
        setting.properties.rest.insert("notifications".into(), json!([{"operation": "Scale"}]));
        setting.properties.enabled = false;
    });
    let body = put(&it);
    assert_eq!((&body["tags"]["team"], &body["properties"]["enabled"]), (&json!("fares"), &json!(true)));
    assert_eq!(body["properties"]["notifications"], json!([{"operation": "Scale"}]));
}

#[test]
fn a_new_deployment_begins_with_the_fewest_instances() {
    assert_eq!(put(&scaled(rollout()))["sku"]["capacity"], 2);
}

#[test]
fn an_answer_becomes_what_is_known() {
    let mut it = scaled(rollout().candidate("2", 0, 60)).0;
    let call = crate::decide::deployment_binding::decide(&it).call.unwrap();
    let Action::Put(mut body) = call.action.clone() else { panic!("no PUT") };
    body["name"] = json!(call.resource.name());
    let reply = Reply { status: 201, body: Some(body), operation: None, retry_after: None };
    it.absorb(&call, Ok(&reply));
    let decision = crate::decide::deployment_binding::decide(&it);
    assert_eq!(decision.call.as_ref().map(|call| call.errand.purpose), Some(Purpose::MoveTraffic));
    assert_eq!(it.deployments.len(), 2, "a setting is no deployment");

    // Of two settings the one that was deleted is gone.
    let both =
        with_setting(with_setting(scaled(binding().wanting("2").serving("2").previous("1", 3600)), "2"), "1");
    let mut it = both.clone().0;
    let call = crate::decide::deployment_binding::decide(&it).call.unwrap();
    assert_eq!(call.errand.purpose, Purpose::RemoveAutoscale);
    it.absorb(&call, Ok(&Reply { status: 204, ..Reply::default() }));
    let Settings::Known(left) = &it.settings else { panic!("no settings are known") };
    assert_eq!(
        left.iter().map(AutoscaleSetting::name).collect::<Vec<_>>(),
        [setting_of(&it.deployment_id(&both.name("2")).unwrap()).unwrap().name()]
    );
    assert_eq!(crate::decide::deployment_binding::decide(&it).status.autoscale.len(), 1);
}

#[test]
fn more_instances_than_the_workspace_allows_change_no_setting() {
    let policy = json!({"maxInstances": 5});
    let under = |it: Binding| {
        it.edited().with(|f| {
            let crate::decide::Place::Ready { policy: of_place, .. } = &mut f.place else {
                panic!("no place")
            };
            of_place.deployment = Some(serde_json::from_value(policy.clone()).unwrap());
        })
    };
    let said = "False PolicyRefused stalled | spec.online.deployment.autoscale.maxInstances is 8, and Workspace production allows at most 5 (policy.deployment.maxInstances). | interval";
    let four = json!({"minInstances": 2, "maxInstances": 4, "cpuPercent": 70});
    assert_table(&[
        (
            "what serves keeps its setting",
            scaled(with_setting(scaled_by(binding().serving("1"), &four), "1"))
                .with(|f| {
                    let known = with_setting(scaled_by(binding().serving("1"), &four), "1").0.settings;
                    f.settings = known;
                })
                .with(|f| f.situation.generation = 2)
                .with(|f| {
                    let crate::decide::Place::Ready { policy: of_place, .. } = &mut f.place else {
                        panic!("no place")
                    };
                    of_place.deployment = Some(serde_json::from_value(policy.clone()).unwrap());
                })
                .decide(),
            said,
        ),
        (
            "one that it had before stays",
            under(with_setting(scaled(binding().serving("1")), "1")).decide(),
            "True Succeeded settled | v1 serves all the traffic of taxi. | interval",
        ),
    ]);
}

#[test]
fn a_setting_follows_the_manifest_while_a_rollout_is_kept_where_it_is() {
    let closed = |it: Binding| {
        it.with(|f| {
            let window =
                json!([{"name": "lunch", "kind": "Deny", "schedule": "0 11 * * *", "duration": "2h"}]);
            f.spec.strategy.windows = serde_json::from_value(window).unwrap();
        })
    };
    let candidate = || closed(scaled(rollout().candidate("2", 10, 60)));
    assert_table(&[(
        "made",
        candidate().decide(),
        "False Updating working | -> make the autoscale setting of deployment v2: 2 to 8 instances | now",
    )]);
    let theirs = with_theirs(candidate(), "2").decide();
    assert!(
        crate::decide::fixtures::told(&theirs).starts_with("False WindowClosed"),
        "{:?}",
        theirs.status.conditions
    );
}

#[test]
fn a_list_is_not_believed_about_a_setting_that_was_deleted() {
    use crate::azure::model::{Answer, Ask, Lane};
    use crate::decide::Served;
    use crate::decide::deployment_binding::autoscale::look_at_settings;
    use crate::decide::facts::Known;

    // The list shows the settings of versions 1 and 2, which the status does not name; a GET finds that of version 2 alone.
    let it = with_setting(with_setting(scaled(rollout().candidate("2", 0, 60)), "1"), "2");
    let Settings::Known(listed) = it.0.settings.clone() else { panic!("no settings are known") };
    let json = |setting: &AutoscaleSetting| serde_json::to_value(setting).unwrap();
    let it = it.with(|f| f.status.autoscale.clear());
    let (endpoint, two) = (it.0.id.clone().unwrap(), it.name("2"));
    let mut known = Known::nothing(Lane::Rollout, false, Served::everything());
    let mut asked = 0;
    let found = loop {
        let found = look_at_settings(&it.0, &endpoint, &mut known);
        let wanted = known.wants().azure;
        if wanted.is_empty() {
            break found;
        }
        for read in wanted {
            let answer = match &read.what {
                Ask::Collection { .. } => Answer::Collection(Ok(listed.iter().map(json).collect())),
                Ask::Resource(id) => {
                    asked += 1;
                    let there = listed.iter().find(|it| it.name() == id.name() && id.name().contains(&two));
                    Answer::Resource(Ok(there.map(json)))
                }
                other => panic!("{other:?}"),
            };
            known.take_in_azure(read, answer);
        }
    };
    let there: Vec<AutoscaleSetting> = listed.into_iter().filter(|it| it.name().contains(&two)).collect();
    assert_eq!((found, there.len(), asked), (Some(Settings::Known(there)), 1, 2));
}
