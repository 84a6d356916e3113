//! What was asked of Azure about each endpoint, and when, from the emulator's log.

use std::collections::BTreeMap;

use azureml_emulator::{Durations, Emulator, Entry};
use e2e::stand::Error;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::spread::seconds;
use crate::bench::requests::Requests;

/// The seconds over which reads are counted.
const WINDOW: i64 = 10;

/// A request about an endpoint or one of its deployments.
#[derive(Debug, Clone, Copy)]
struct Request {
    at: Timestamp,
    /// Until when Azure works on what was asked; none where that changes nothing.
    busy_until: Option<Timestamp>,
    /// It gives the traffic of the endpoint.
    routes: Option<Route>,
}

/// Who gets the traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// Some of it goes to version 2.
    Shared,
    /// Version 1 has all of it.
    Back,
}

/// All requests so far, and those about each endpoint in their order.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) all: Requests,
    endpoints: BTreeMap<String, Vec<Request>>,
    /// How many reads there were in each subscription, in each [`WINDOW`] since 1970.
    reads: BTreeMap<(String, i64), u32>,
}

impl Asked {
    /// Takes over what the emulator's log has, which is empty afterwards: it keeps a limited number of requests.
    pub(super) fn take_in(&mut self, emulator: &Emulator, durations: &Durations) -> Result<(), Error> {
        let entries: Vec<Entry> = {
            let mut control = emulator.control();
            let entries = control.log().cloned().collect();
            control.clear_log();
            entries
        };
        entries.iter().try_for_each(|entry| self.note(entry, durations))
    }

    fn note(&mut self, entry: &Entry, durations: &Durations) -> Result<(), Error> {
        self.all.count(entry);
        let at: Timestamp = entry.time.parse()?;
        if let Some(rest) = entry.path.strip_prefix("/subscriptions/").filter(|_| entry.method == "GET") {
            let subscription = rest.split('/').next().unwrap_or_default().to_string();
            *self.reads.entry((subscription, at.as_second() / WINDOW)).or_default() += 1;
        }
        let mut parts =
            entry.path.split('/').skip_while(|part| !part.eq_ignore_ascii_case("onlineEndpoints"));
        let Some(endpoint) = parts.nth(1) else { return Ok(()) };
        let of_a_deployment = parts.next().is_some();
        let taken = entry.status < 300;
        let seconds = match (entry.method.as_str(), of_a_deployment) {
            ("PUT", false) => durations.endpoint_update,
            ("PUT", true) => durations.deployment_create,
            ("DELETE", true) => durations.deployment_delete,
            _ => 0.0,
        };
        let works = taken && entry.method != "GET";
        let busy_until = works.then(|| at + SignedDuration::from_secs_f64(seconds));
        let routes = (taken && entry.method == "PUT" && !of_a_deployment).then(|| route(entry.body.as_ref()));
        let request = Request { at, busy_until, routes };
        self.endpoints.entry(endpoint.to_string()).or_default().push(request);
        Ok(())
    }

    fn of(&self, endpoint: &str) -> &[Request] {
        self.endpoints.get(endpoint).map_or(&[], Vec::as_slice)
    }

    /// The reads a second in each subscription, in the busiest [`WINDOW`] of all.
    pub(super) fn most_reads(&self) -> f64 {
        f64::from(self.reads.values().copied().max().unwrap_or_default()) / 10.0
    }

    /// How long after the end of each operation on an endpoint somebody asked about it again, in seconds.
    pub(super) fn idle(&self) -> impl Iterator<Item = f64> {
        let of = |requests: &Vec<Request>| {
            let after = |at: usize, end: Timestamp| requests[at..].iter().find(|next| next.at >= end);
            let ended = requests.iter().enumerate();
            let ended = ended.filter_map(|(at, request)| Some((at, request.busy_until?)));
            ended.filter_map(|(at, end)| Some(seconds(end, after(at + 1, end)?.at))).collect::<Vec<_>>()
        };
        self.endpoints.values().flat_map(of)
    }

    /// Until when Azure worked on what was begun before this moment; that moment itself where it was idle.
    pub(super) fn free_at(&self, endpoint: &str, moment: Timestamp) -> Timestamp {
        let before = self.of(endpoint).iter().filter(|request| request.at < moment);
        before.filter_map(|request| request.busy_until).fold(moment, Timestamp::max)
    }

    /// When the traffic was last given out before now, with some of it for version 2; none where that was never done.
    pub(super) fn shared_at(&self, endpoint: &str) -> Option<Timestamp> {
        let last = self.of(endpoint).iter().rfind(|request| request.routes.is_some())?;
        (last.routes == Some(Route::Shared)).then_some(last.at)
    }

    /// When version 1 got all of the traffic after this moment.
    pub(super) fn back_at(&self, endpoint: &str, moment: Timestamp) -> Option<Timestamp> {
        let back = |request: &&Request| request.at > moment && request.routes == Some(Route::Back);
        self.of(endpoint).iter().find(back).map(|request| request.at)
    }
}

/// Whether version 2 gets something, by the body of a PUT on an endpoint.
fn route(body: Option<&Value>) -> Route {
    let traffic = body.and_then(|body| body.pointer("/properties/traffic")).and_then(Value::as_object);
    let second = |(name, weight): (&String, &Value)| name.starts_with("v2-") && weight.as_i64() > Some(0);
    if traffic.is_some_and(|all| all.iter().any(second)) { Route::Shared } else { Route::Back }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(second: u32, method: &str, path: &str, traffic: &Value) -> Entry {
        Entry {
            number: 1,
            time: format!("2026-01-01T00:{:02}:{:02}.0000000+00:00", second / 60, second % 60),
            principal: "bindery".into(),
            method: method.into(),
            path: format!(
                "/subscriptions/s/resourceGroups/ml/providers/x/workspaces/w/onlineEndpoints/{path}"
            ),
            api_version: None,
            status: 200,
            fault: None,
            answered: true,
            body: Some(json!({"properties": {"traffic": traffic}})),
        }
    }

    fn at(second: u32) -> Timestamp {
        let text = format!("2026-01-01T00:{:02}:{:02}Z", second / 60, second % 60);
        text.parse().expect("a time")
    }

    #[test]
    fn how_long_an_endpoint_was_idle_and_when_the_traffic_went_back() {
        let mut asked = Asked::default();
        let nothing = json!({});
        for (second, method, path, traffic) in [
            (0, "PUT", "a/deployments/v2-x", &nothing),
            (60, "GET", "a", &nothing),
            (183, "GET", "a/deployments", &nothing),
            (184, "PUT", "a", &json!({"v1-x": 80, "v2-x": 20})),
            (190, "GET", "a", &nothing),
            (190, "GET", "b", &nothing),
            (205, "PUT", "a", &json!({"v1-x": 100, "v2-x": 0})),
        ] {
            asked.note(&entry(second, method, path, traffic), &Durations::default()).expect("noted");
        }
        // The deployment was made after 180 s, and the traffic had moved after 20 s more.
        assert_eq!(asked.idle().collect::<Vec<_>>(), [3.0, 1.0]);
        assert_eq!((asked.free_at("a", at(200)), asked.free_at("a", at(250))), (at(204), at(250)));
        assert_eq!(asked.free_at("b", at(200)), at(200));
        assert_eq!((asked.back_at("a", at(200)), asked.back_at("a", at(206))), (Some(at(205)), None));
        assert_eq!((asked.shared_at("a"), asked.shared_at("b")), (None, None));
        assert_eq!((asked.all.reads, asked.all.writes), (4, 3));
        assert!((asked.most_reads() - 0.2).abs() < 0.01, "two in the ten seconds from 190 on: {asked:?}");
    }
}
