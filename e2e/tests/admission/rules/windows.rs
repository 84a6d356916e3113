//! Rules of the times in which rollouts may go on.

use serde_json::{Value, json};

use super::{Case, at, case};
use crate::sentences::*;

/// The windows of a binding and those of a workspace are one type.
pub(super) fn rules_of_windows() -> Vec<Case> {
    let mut cases = vec![];
    for (kind, field) in
        [("deploymentbindings", "spec.strategy.windows"), ("workspaces", "spec.policy.windows")]
    {
        let told = |rest: &str| -> &'static str { format!("{field}[]{rest}").leak() };
        let with = |fields: Value| {
            let window =
                json!({"name": "freeze", "kind": "Deny", "schedule": "0 18 * * 5", "duration": "62h"});
            at(field, json!([crate::example::patched(window, &fields)]))
        };
        let schedule = |text: &str| with(json!({"schedule": text}));
        let every = schedule("0 0 L * *");
        cases.push(case(
            kind,
            told(".schedule"),
            SCHEDULE,
            every,
            schedule("*/5 0-23/2 1,15-20 JAN-mar,12 MON,0-7"),
        ));
        for wrong in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "0 24 * * *",
            "0 0 0 * *",
            "0 0 32 * *",
            "0 0 * 0 *",
            "0 0 * 13 *",
            "0 0 * * 8",
            "@daily",
            "0  0 * * *",
            "0 0 * * 5#2",
            "0 0 * * *\n",
            "-1 0 * * *",
            "1- 0 * * *",
        ] {
            cases.push(case(kind, told(".schedule"), SCHEDULE, schedule(wrong), schedule("0 18 * * 5")));
        }
        for wrong in
            ["", "Europe/", "/Berlin", "Europe Berlin", "../etc/localtime", "Europe/Berlin\n", "+01:00"]
        {
            let zone = |name: &str| with(json!({"timeZone": name}));
            cases.push(case(
                kind,
                told(".timeZone"),
                TIME_ZONE,
                zone(wrong),
                zone("America/Argentina/Buenos_Aires"),
            ));
        }
        let duration = |text: &str| with(json!({"duration": text}));
        let between = "duration must be from 1m to 8760h";
        cases.push(case(kind, told(".duration"), PERIOD, duration("1d"), duration("24h")));
        cases.push(case(kind, told(""), between, duration("59s"), duration("1m")));
        cases.push(case(kind, told(""), between, duration("8760h1s"), duration("8760h")));
        cases.push(case(
            kind,
            told(".name"),
            ENTRY_NAME,
            with(json!({"name": "Freeze"})),
            with(json!({"name": "freeze-1"})),
        ));
    }
    cases
}
