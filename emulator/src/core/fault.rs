//! What goes wrong on purpose: with requests, and with asynchronous operations.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Core;
use super::rights::like;
use crate::config::Durations;
use crate::wire::{Delivery, Principal, Request, Response};

/// Which requests are struck, and by what. The first rule that strikes decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultRule {
    /// Given by the emulator.
    #[serde(default)]
    pub id: u64,
    /// HTTP method; none: any.
    #[serde(default)]
    pub method: Option<String>,
    /// Part of path and query, in any case; `*` stands for any text. Default: any.
    #[serde(default)]
    pub path: String,
    /// Name of the principal; none: any.
    #[serde(default)]
    pub principal: Option<String>,
    /// How many matching requests pass unharmed first. Default 0.
    #[serde(default)]
    pub skip: u32,
    /// How many are struck; none: all.
    #[serde(default)]
    pub times: Option<u32>,
    /// With what probability one is struck. Default 1.
    #[serde(default = "certain")]
    pub probability: f64,
    /// What happens.
    pub effect: Effect,
}

fn certain() -> f64 {
    1.0
}

impl FaultRule {
    /// A rule that strikes every request whose path and query contain `path`.
    pub fn on(method: &str, path: &str, effect: Effect) -> Self {
        Self {
            id: 0,
            method: Some(method.to_owned()),
            path: path.to_owned(),
            principal: None,
            skip: 0,
            times: None,
            probability: 1.0,
            effect,
        }
    }

    /// The same rule, striking only so often.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// The same rule, sparing the first requests.
    #[must_use]
    pub fn skip(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    fn matches(&self, principal: &Principal, request: &Request) -> bool {
        let target = format!("{}?{}", request.path, request.query);
        self.method.as_deref().is_none_or(|method| request.method.as_str().eq_ignore_ascii_case(method))
            && self.principal.as_deref().is_none_or(|name| like(name, principal.name()))
            && like(&format!("*{}*", self.path), &target)
    }
}

/// What a struck request gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect {
    /// An error in ARM's shape, instead of the deed.
    Answer {
        /// HTTP status.
        status: u16,
        /// `error.code`.
        #[serde(default)]
        code: String,
        /// `error.message`.
        #[serde(default)]
        message: String,
        /// Further headers, such as `Retry-After`.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// Any body, instead of the deed: a proxy's HTML page, for example.
    Body {
        /// HTTP status.
        status: u16,
        /// Such as `text/html`.
        content_type: String,
        /// The body.
        body: String,
    },
    /// The connection is closed; nothing was done.
    DropBefore,
    /// It is done, and the connection is closed without an answer.
    LoseAnswer,
    /// It is done, and the connection is closed in the midst of the answer: after its headers, which promise all of its
    /// body, and the first bytes of that. An answer without a body is lost.
    Cut {
        /// How many bytes of the body arrive; at most all but the last.
        after: usize,
    },
    /// It is done, and the answer comes after so many real milliseconds.
    Delay {
        /// Real milliseconds.
        millis: u64,
    },
    /// Silence, and the connection stays open, for ten minutes of real time.
    Silence {
        /// Whether it is done all the same.
        after_the_deed: bool,
    },
}

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
            let mut response = Response::json(status, &json!({"error": {"code": code, "message": message}}));
            response.headers.extend(headers);
            Fate::Instead(response, id)
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

/// The fate of asynchronous operations that are started while the rule is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OperationRule {
    /// Kind of work; none: any.
    #[serde(default)]
    pub work: Option<Work>,
    /// Part of the resource's path, such as `onlineEndpoints/fares/deployments/v2`; `*` stands for any text. Default: any.
    #[serde(default)]
    pub resource: String,
    /// Part of the `model` that a deployment is told to serve; `*` stands for any text. Default: any.
    #[serde(default)]
    pub model: String,
    /// How many operations it decides about; none: all.
    #[serde(default)]
    pub times: Option<u32>,
    /// What becomes of them.
    pub outcome: Outcome,
}

/// What becomes of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// What the deed itself makes of it.
    Succeed,
    /// It fails in the end, for a reason that only the operation tells.
    Fail {
        /// Such as `ResourceNotReady`.
        code: String,
        /// Such as `User container has crashed or terminated: Liveness probe failed`.
        message: String,
    },
    /// It never ends.
    Hang,
    /// It does its work, but its URL answers 404 from the start.
    Vanish,
}

/// Kinds of asynchronous work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum Work {
    RegistryCreate,
    RegistryUpdate,
    RegistryDelete,
    RegistryRemoveRegions,
    RegistryAsset,
    RegistryAssetDelete,
    Publish,
    EndpointCreate,
    EndpointUpdate,
    EndpointDelete,
    DeploymentCreate,
    DeploymentUpdate,
    DeploymentScale,
    DeploymentDelete,
    JobDelete,
}

impl Work {
    /// How long it takes, in emulated seconds.
    pub fn duration(self, durations: &Durations) -> f64 {
        match self {
            Self::RegistryCreate | Self::RegistryUpdate => durations.registry_create,
            Self::RegistryDelete => durations.registry_delete,
            Self::RegistryRemoveRegions => durations.registry_remove_regions,
            Self::RegistryAsset => durations.registry_asset,
            Self::RegistryAssetDelete => durations.registry_asset_delete,
            Self::Publish => durations.publish,
            Self::EndpointCreate => durations.endpoint_create,
            Self::EndpointUpdate => durations.endpoint_update,
            Self::EndpointDelete => durations.endpoint_delete,
            Self::DeploymentCreate => durations.deployment_create,
            Self::DeploymentUpdate => durations.deployment_update,
            Self::DeploymentScale => durations.deployment_scale,
            Self::DeploymentDelete => durations.deployment_delete,
            Self::JobDelete => durations.job_delete,
        }
    }
}

/// The outcome that the rules have for a new operation.
pub fn outcome(core: &mut Core, work: Work, resource: &str, model: &str) -> Outcome {
    let rule = core.config.operations.iter_mut().find(|rule| {
        rule.times != Some(0)
            && rule.work.is_none_or(|kind| kind == work)
            && like(&format!("*{}*", rule.resource), resource)
            && like(&format!("*{}*", rule.model), model)
    });
    rule.map_or(Outcome::Succeed, |rule| {
        rule.times = rule.times.map(|times| times - 1);
        rule.outcome.clone()
    })
}
