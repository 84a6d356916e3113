//! What exists before the first request.

use std::mem::{replace, take};

use http::Method;

use crate::config::{Durations, ResourceSeed, Seed};
use crate::core::Core;
use crate::core::door::arm;
use crate::core::machinery::address::Address;
use crate::core::machinery::operation::Failure;
use crate::core::resources::{job, workspace};
use crate::wire::{Principal, Request, Response};

impl Core {
    /// Makes what a seed names exist, at once. Answers with what could not be made, and why.
    pub fn seed(&mut self, seed: &Seed) -> Vec<String> {
        self.unhindered(|core| {
            for (subscription, groups) in &seed.subscriptions {
                core.know(subscription, None);
                for group in groups {
                    core.know(subscription, Some(group));
                }
            }
            for workspace in &seed.workspaces {
                core.know(&workspace.subscription, Some(&workspace.resource_group));
                let address = workspace::make(core, workspace);
                for job in &workspace.jobs {
                    job::declare(core, &address, job);
                }
            }
            let make = |resource: &ResourceSeed| {
                let why = core.make_at_once(resource).err()?;
                Some(format!("{}: {why}", resource.id))
            };
            seed.resources.iter().filter_map(make).collect()
        })
    }

    /// Works without what is meant for clients' requests: durations, throttling, rights, locks, policies, fates of
    /// operations, and lists that lag.
    fn unhindered<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let durations = replace(&mut self.config.durations, Durations::none());
        let throttling = take(&mut self.config.throttling);
        let rights = take(&mut self.config.rights);
        let operations = take(&mut self.config.operations);
        let (locks, policies) = (take(&mut self.config.locks), take(&mut self.config.policies));
        self.store.at_once = true;
        let done = work(self);
        self.store.at_once = false;
        let config = &mut self.config;
        (config.durations, config.throttling) = (durations, throttling);
        (config.rights, config.operations) = (rights, operations);
        (config.locks, config.policies) = (locks, policies);
        done
    }

    fn make_at_once(&mut self, resource: &ResourceSeed) -> Result<(), String> {
        if let Ok(address) = Address::parse(&resource.id) {
            self.know(&address.subscription, Some(&address.group));
        }
        let target = format!("{}?api-version=2025-09-01", resource.id);
        let request = Request::new(Method::PUT, &target).json(&resource.body);
        let response = arm::answer(self, &Principal::application("seed"), &request);
        self.advance(self.now());
        if response.status >= 300 {
            return Err(response.value()["error"]["message"].as_str().unwrap_or("refused").to_owned());
        }
        self.verdict(&response).map_err(|Failure { code, message }| format!("{code}: {message}"))
    }

    /// What the operation that an answer started came to; without one, nothing went wrong.
    fn verdict(&self, response: &Response) -> Result<(), Failure> {
        let url = response.header_value("Azure-AsyncOperation").unwrap_or_default();
        let path = url.strip_prefix(self.base()).map(|target| Request::get(target).path);
        let operation = path.and_then(|path| Address::parse(&path).ok());
        operation.and_then(|address| self.operations.verdict(address.leaf()).cloned()).unwrap_or(Ok(()))
    }
}
