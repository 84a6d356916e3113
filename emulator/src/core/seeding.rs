//! What exists before the first request.

use http::Method;
use serde_json::Value;

use super::address::Address;
use super::{Core, arm, job, workspace};
use crate::config::{Durations, ResourceSeed, Seed};
use crate::wire::{Principal, Request, Response};

impl Core {
    /// Makes what a seed names exist, at once. Answers with what could not be made, and why.
    pub fn seed(&mut self, seed: &Seed) -> Vec<String> {
        for (subscription, groups) in &seed.subscriptions {
            self.know(subscription, None);
            for group in groups {
                self.know(subscription, Some(group));
            }
        }
        for workspace in &seed.workspaces {
            self.know(&workspace.subscription, Some(&workspace.resource_group));
            let address = workspace::make(self, workspace);
            for job in &workspace.jobs {
                job::declare(self, &address, job);
            }
        }
        let mut refused = Vec::new();
        for resource in &seed.resources {
            if let Ok(address) = Address::parse(&resource.id) {
                self.know(&address.subscription, Some(&address.group));
            }
            if let Err(why) = self.make_at_once(resource) {
                refused.push(format!("{}: {why}", resource.id));
            }
        }
        refused
    }

    fn make_at_once(&mut self, resource: &ResourceSeed) -> Result<(), String> {
        let target = format!("{}?api-version=2025-09-01", resource.id);
        let request = Request::new(Method::PUT, &target).json(&resource.body);
        let durations = std::mem::take(&mut self.config.durations);
        self.config.durations = Durations::none();
        let response = arm::answer(self, &Principal::application("seed"), &request);
        self.advance(self.now());
        self.config.durations = durations;
        let said = if response.status < 300 { self.end_of(&response) } else { response.value() };
        match said.get("error") {
            Some(error) => Err(error["message"].as_str().unwrap_or("refused").to_owned()),
            None => Ok(()),
        }
    }

    /// What the operation that an answer started came to.
    fn end_of(&mut self, response: &Response) -> Value {
        let url = response.header_value("Azure-AsyncOperation").unwrap_or_default();
        let Some(target) = url.strip_prefix(self.base()) else { return Value::Null };
        let request = Request::get(target);
        arm::answer(self, &Principal::application("seed"), &request).value()
    }
}
