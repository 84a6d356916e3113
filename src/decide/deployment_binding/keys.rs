//! The keys of the endpoint in a Secret of the binding's namespace, where the manifest asks for that. They are compared once in an
//! interval. The status names the Secret before it is written, so that it is removed whatever happens in between.

use std::time::Duration;

use super::{Case, Facts};
use crate::api::{AuthMode, KeysSecretStatus, Reason};
use crate::azure::model::resource::Provisioning;
use crate::azure::model::{Errand, Purpose};
use crate::decide::{
    Attempt, Event, Failure, KEYS_LABEL, KeysOf, Mode, SecretDeed, SecretDone, SecretRefusal, Verdict,
    elapsed,
};

/// How soon is tried again what did not work: nothing wakes us when a Secret goes or a right comes.
const SOON: Duration = Duration::from_secs(60);

/// What is to be done with the Secret now.
pub(super) fn deed(case: &Case<'_>) -> Option<SecretDeed> {
    let facts = case.facts;
    let name = facts.status.keys_secret.as_ref()?.name.clone();
    let keys = if asked(facts) == Some(name.as_str()) { Some(keys(case)?) } else { None };
    let deed = SecretDeed { name, keys };
    done(facts, &deed.name, deed.keys.is_some()).is_none_or(|done| is_due(facts, done)).then_some(deed)
}

/// The Secret as the status has it: the one that is asked for, or an earlier one that is to go first.
pub(super) fn status(case: &Case<'_>) -> Option<KeysSecretStatus> {
    let (facts, asked) = (case.facts, asked(case.facts));
    let before = facts.status.keys_secret.clone().filter(|it| !is_removed(facts, &it.name));
    match (before, asked) {
        (Some(before), Some(name)) if before.name == name => Some(written(facts, before)),
        (Some(before), _) => Some(before),
        (None, Some(name)) if keys(case).is_some() => {
            Some(KeysSecretStatus { name: name.into(), written_at: None })
        }
        (None, _) => None,
    }
}

/// With when it was changed last. A Secret that was there already, as after the loss of the status, counts from when it was seen.
fn written(facts: &Facts, before: KeysSecretStatus) -> KeysSecretStatus {
    let done = done(facts, &before.name, true);
    match done.map(|done| (&done.outcome, done.at)) {
        Some((Ok(changed), at)) if *changed || before.written_at.is_none() => {
            KeysSecretStatus { written_at: Some(at), ..before }
        }
        _ => before,
    }
}

/// What has happened to it.
pub(super) fn news(case: &Case<'_>, now: Option<&KeysSecretStatus>) -> Vec<Event> {
    let (facts, before) = (case.facts, case.facts.status.keys_secret.as_ref());
    let tell = |doing: String| Event::done(Purpose::ReadKeys, &doing);
    let written =
        now.filter(|now| now.written_at.is_some() && before.is_none_or(|it| it.written_at != now.written_at));
    let endpoint = facts.endpoint_name();
    let written = written
        .map(|it| tell(format!("write the keys of the endpoint {endpoint} into the Secret {}", it.name)));
    let gone = before.filter(|before| now.is_none_or(|now| now.name != before.name));
    let gone = gone
        .map(|it| tell(format!("remove the Secret {} with the keys of the endpoint {endpoint}", it.name)));
    gone.into_iter().chain(written).collect()
}

/// Is the status to be stored, and the pass to be made again, before anything is done with the Secret?
pub(super) fn is_noted_first(case: &Case<'_>, now: Option<&KeysSecretStatus>) -> bool {
    let before = case.facts.status.keys_secret.as_ref().map(|it| &it.name);
    now.is_some_and(|now| before != Some(&now.name))
}

/// In how much time something that did not work is tried again.
pub(super) fn next(case: &Case<'_>) -> Option<Duration> {
    let done = case.facts.situation.trouble.secret.as_ref().filter(|done| done.outcome.is_err())?;
    Some(SOON.saturating_sub(elapsed(done.at, case.facts.situation.now)))
}

/// Why the Secret is not as it should be, once all else is.
pub(super) fn report(case: &Case<'_>) -> Option<Verdict> {
    let facts = case.facts;
    if facts.situation.mode != Mode::Act {
        return None;
    }
    let (asked, noted) = (asked(facts), facts.status.keys_secret.as_ref());
    if let Some(noted) =
        noted.filter(|noted| asked != Some(noted.name.as_str()) && !is_removed(facts, &noted.name))
    {
        let failed = done(facts, &noted.name, false).and_then(|done| refused(facts, done));
        return failed
            .or_else(|| Some(works(format!("The Secret {} is asked for no more, and goes.", noted.name))));
    }
    let name = asked?;
    let mode = facts.endpoint.found().map_or("", |endpoint| endpoint.properties.auth_mode.as_str());
    if mode != AuthMode::Key.word() {
        let endpoint = facts.endpoint_name();
        return Some(Verdict::stalled(
            Reason::KeysUnavailable,
            format!(
                "The endpoint {endpoint} has no keys for the Secret {name}: callers authenticate by {mode}. Set spec.online.endpoint.authMode to Key, or remove keysSecret."
            ),
        ));
    }
    if let Some(done) = done(facts, name, true).filter(|done| done.outcome.is_err()) {
        return refused(facts, done);
    }
    let written = status(case).is_some_and(|it| it.written_at.is_some());
    (!written)
        .then(|| works(format!("Bindery is about to write the keys of the endpoint into the Secret {name}.")))
}

/// What is left of the Secret where the object goes and it could not be removed.
pub(super) fn left_behind(facts: &Facts) -> Option<Event> {
    let noted = facts.status.keys_secret.as_ref().filter(|it| !is_removed(facts, &it.name))?;
    let note = format!(
        "Bindery could not remove the Secret {}; Kubernetes removes it with this object, which owns it.",
        noted.name
    );
    Some(Event { warning: true, reason: Reason::Finishing, deed: Some(Purpose::LetGo), note })
}

fn works(message: String) -> Verdict {
    Verdict::wait(Reason::Progressing, message, Duration::from_secs(1))
}

fn refused(facts: &Facts, done: &SecretDone) -> Option<Verdict> {
    let owner = &facts.situation.ownership.owner;
    let (namespace, secret) = (owner.namespace(), &done.deed.name);
    let verdict = match done.outcome.as_ref().err()? {
        SecretRefusal::NotOurs => Verdict::stalled(
            Reason::SecretNotOurs,
            format!(
                "The Secret {namespace}/{secret} is there without the label {KEYS_LABEL}: {}, so Bindery leaves it as it is. Delete it, or name another one in spec.online.endpoint.keysSecret.",
                SecretDeed::mark(owner.name())
            ),
        ),
        SecretRefusal::Forbidden => Verdict::stalled(
            Reason::SecretNotAllowed,
            format!(
                "Bindery may not touch the Secret {namespace}/{secret}. Whoever runs the operator has to list the namespace {namespace} in endpointKeys.namespaces of the chart's values."
            ),
        ),
        SecretRefusal::Failed(because) => Verdict::stalled(
            Reason::KeysUnavailable,
            format!(
                "The API server did not take the Secret {namespace}/{secret}: {}. Bindery tries again.",
                because.trim_end_matches('.')
            ),
        ),
        SecretRefusal::Azure(error) => {
            let resource = facts.id.clone()?;
            let doing = format!("read the keys of the endpoint {}", facts.endpoint_name());
            let attempt = Attempt { purpose: Purpose::ReadKeys, resource, doing };
            facts.situation.failed(&Failure::once_more(None, attempt, error.clone(), done.at))
        }
    };
    Some(verdict)
}

/// The Secret that the manifest asks for.
fn asked(facts: &Facts) -> Option<&str> {
    let asked = facts.spec.online.endpoint.keys_secret.as_ref().filter(|_| !facts.situation.deleting);
    asked.map(|secret| secret.name.as_str())
}

/// What is to be in it; none while nobody may ask for the keys: of an endpoint that is not ours, or is only observed.
fn keys(case: &Case<'_>) -> Option<KeysOf> {
    let facts = case.facts;
    let may = facts.situation.mode == Mode::Act && case.scene.owned() && !case.is_anothers();
    let endpoint = facts.endpoint.found().filter(|_| may)?;
    let whole = endpoint.provisioning() != Provisioning::Running;
    if !whole || endpoint.properties.auth_mode != AuthMode::Key.word() {
        return None;
    }
    let errand = Errand {
        principal: facts.situation.acting.clone().ok()?,
        leaving: false,
        lane: facts.situation.lane,
        purpose: Purpose::ReadKeys,
    };
    Some(KeysOf {
        endpoint: facts.id.clone()?,
        scoring_uri: endpoint.properties.scoring_uri.clone()?,
        errand,
    })
}

/// What came of writing, or of removing, this Secret.
fn done<'a>(facts: &'a Facts, name: &str, writes: bool) -> Option<&'a SecretDone> {
    let done = facts.situation.trouble.secret.as_ref();
    done.filter(|done| done.deed.name == name && done.deed.keys.is_some() == writes)
}

/// Is this Secret removed, or nothing that would be ours to remove?
fn is_removed(facts: &Facts, name: &str) -> bool {
    let removed = |done: &SecretDone| matches!(done.outcome, Ok(_) | Err(SecretRefusal::NotOurs));
    done(facts, name, false).is_some_and(removed)
}

/// Is it time to do it once more? The regular look comes up to a tenth of the interval early.
fn is_due(facts: &Facts, done: &SecretDone) -> bool {
    let interval = facts.situation.interval;
    let wait = match (&done.outcome, &done.deed.keys) {
        (Ok(_) | Err(SecretRefusal::NotOurs), None) => return false,
        (Ok(_), Some(_)) => interval / 10 * 9,
        (Err(_), _) => SOON.min(interval),
    };
    elapsed(done.at, facts.situation.now) >= wait
}
