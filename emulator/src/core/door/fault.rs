//! What goes wrong with requests on purpose.

use std::time::Duration;

use serde_json::json;

use crate::config::Effect;
use crate::core::Core;
use crate::wire::{Delivery, Principal, Request, Response};

/// What fault rules do to a request, with the rule's id.
#[derive(Debug)]
pub enum Fate {
    /// Nothing.
    Spared,
    /// It is not done.
    Instead(Response, u64),
    /// It is done, and the answer is delivered like this.
    Afterwards(Delivery, u64),
}

/// Finds the fate of a request, and counts it.
pub fn decide(core: &mut Core, principal: &Principal, request: &Request) -> Fate {
    let mut struck = None;
    for rule in &mut core.config.faults {
        if rule.times == Some(0) || !rule.matches(principal, request) {
            continue;
        }
        if rule.skip > 0 {
            rule.skip -= 1;
            continue;
        }
        if rule.probability < 1.0 && core.rng.f64() >= rule.probability {
            continue;
        }
        rule.times = rule.times.map(|times| times - 1);
        struck = Some((rule.id, rule.effect.clone()));
        break;
    }
    let Some((id, effect)) = struck else { return Fate::Spared };
    let undelivered = |delivery| Response { delivery, ..Response::empty(0) };
    match effect {
        Effect::Answer { status, code, message, headers } => {
            let response = Response::json(status, &json!({"error": {"code": code, "message": message}}));
            let with = |response: Response, (name, value): (String, String)| response.header(&name, value);
            Fate::Instead(headers.into_iter().fold(response, with), id)
        }
        Effect::Body { status, content_type, body } => {
            Fate::Instead(Response::bytes(status, &content_type, body.into_bytes()), id)
        }
        Effect::DropBefore => Fate::Instead(undelivered(Delivery::Dropped), id),
        Effect::Silence { after_the_deed: false } => Fate::Instead(undelivered(Delivery::Never), id),
        Effect::LoseAnswer => Fate::Afterwards(Delivery::Dropped, id),
        Effect::Cut { after } => Fate::Afterwards(Delivery::Cut(after), id),
        Effect::Silence { after_the_deed: true } => Fate::Afterwards(Delivery::Never, id),
        Effect::Delay { millis } => Fate::Afterwards(Delivery::After(Duration::from_millis(millis)), id),
    }
}
