//! The keys of the endpoint in a Secret of the binding's namespace, where the manifest asks for that. They are compared once in an
//! interval. The status names the Secret before it is written, so that it is removed whatever happens in between.

use std::time::Duration;

use super::{Case, Facts};
use crate::api::{AuthMode, KeysSecretStatus, Reason};
use crate::azure::model::resource::Provisioning;
use crate::azure::model::{Errand, Purpose};
use crate::decide::{
    Attempt, Event, Failure, KEYS_LABEL, KeysOf, Mode, SecretDeed, SecretDone, SecretRefusal, SecretWork,
    Verdict, elapsed,
};

/// How many earlier Secrets the status names.
const MOST: usize = 5;

/// How soon is tried again what did not work: nothing wakes us when a Secret goes or a right comes.
const SOON: Duration = Duration::from_secs(60);

/// What is to be done with a Secret now. Applications read the keys until the object is `released`, or another has the endpoint.
pub(super) fn deed(case: &Case<'_>, released: bool) -> Option<SecretDeed> {
    let facts = case.facts;
    let noted = facts.status.keys_secret.as_ref().filter(|_| !is_about_to_inherit(case))?;
    let (name, work) = match doomed(facts, noted) {
        Some(name) if facts.situation.deleting && !released => (name, SecretWork::HandOver(heir(case)?)),
        Some(name) => (name, SecretWork::Remove),
        None if asked(facts) == Some(noted.name.as_str()) => {
            (noted.name.as_str(), SecretWork::Write(keys(case)?))
        }
        None => return None,
    };
    let deed = SecretDeed { name: name.into(), work };
    done(facts, &deed.name, writes(&deed)).is_none_or(|done| is_due(facts, done)).then_some(deed)
}

/// The binding is to have the endpoint of one that goes, and that one's Secret.
fn is_about_to_inherit(case: &Case<'_>) -> bool {
    let situation = &case.facts.situation;
    !situation.deleting && !situation.ownership.leaving.is_empty() && !case.scene.owned()
}

/// The name of the binding that gets the endpoint next, and the Secret before.
fn heir(case: &Case<'_>) -> Option<String> {
    let heir = case.facts.situation.ownership.heir().filter(|_| case.scene.owned())?;
    let name = heir.name.split_once('/').map(|(_, name)| name.to_string());
    name.filter(|_| heir.manages && heir.prepared)
}

/// What the heir of an endpoint has to know of the Secrets with its keys.
pub(super) fn inherit(heir: &mut Option<KeysSecretStatus>, owner: Option<&KeysSecretStatus>) {
    let Some(owner) = owner else { return };
    let Some(ours) = heir else {
        *heir = Some(owner.clone());
        return;
    };
    for name in names(owner) {
        let known = names(ours).any(|it| it == name);
        if !known && ours.replaces.len() < MOST {
            ours.replaces.push(name.clone());
        }
    }
}

fn writes(deed: &SecretDeed) -> bool {
    matches!(deed.work, SecretWork::Write(_))
}

/// The Secret that goes next: one that the manifest named before goes when the one that it names now has been written, and all of
/// them go when it names none.
fn doomed<'a>(facts: &'a Facts, noted: &'a KeysSecretStatus) -> Option<&'a str> {
    let left =
        noted.replaces.iter().chain(std::iter::once(&noted.name)).find(|name| !is_removed(facts, name));
    let earlier = noted.replaces.iter().find(|name| !is_removed(facts, name));
    let name = match asked(facts) {
        None => left,
        Some(name) if name == noted.name => earlier.filter(|_| noted.written_at.is_some()),
        Some(_) => earlier.filter(|_| noted.replaces.len() >= MOST),
    };
    name.map(String::as_str)
}

/// The Secrets as the status has them. The one that is asked for is named before it is written.
pub(super) fn status(case: &Case<'_>) -> Option<KeysSecretStatus> {
    let (facts, asked) = (case.facts, asked(case.facts));
    let begin = |name: &str, replaces| KeysSecretStatus { name: name.into(), written_at: None, replaces };
    let may_begin = keys(case).is_some();
    let Some(mut noted) = facts.status.keys_secret.clone() else {
        return asked.filter(|_| may_begin).map(|name| begin(name, vec![]));
    };
    noted.replaces.retain(|name| !is_removed(facts, name));
    match asked {
        Some(name) if noted.name == name => Some(written(facts, noted)),
        Some(name) if may_begin && noted.replaces.len() < MOST => {
            let earlier = noted.replaces.into_iter().chain([noted.name]).filter(|it| it != name);
            Some(begin(name, earlier.collect()))
        }
        None if is_removed(facts, &noted.name) => {
            let last = noted.replaces.pop()?;
            Some(begin(&last, noted.replaces))
        }
        _ => Some(noted),
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
    let removed = |name: &&String| {
        done(facts, name, false)
            .is_some_and(|done| done.outcome == Ok(true) && done.deed.work == SecretWork::Remove)
    };
    let gone = before
        .into_iter()
        .flat_map(names)
        .filter(|name| now.is_none_or(|now| !names(now).any(|it| it == *name)));
    let gone = gone
        .filter(removed)
        .map(|name| tell(format!("remove the Secret {name} with the keys of the endpoint {endpoint}")));
    gone.chain(written).collect()
}

fn names(of: &KeysSecretStatus) -> impl Iterator<Item = &String> {
    std::iter::once(&of.name).chain(&of.replaces)
}

/// Is the status to be stored, and the pass to be made again, before anything is done with the Secret?
pub(super) fn is_noted_first(case: &Case<'_>, now: Option<&KeysSecretStatus>) -> bool {
    let before = case.facts.status.keys_secret.as_ref();
    // The ones that the manifest named before go once the status says that this one is written.
    let replaces = |now: &KeysSecretStatus| {
        !now.replaces.is_empty() && before.is_some_and(|it| it.written_at != now.written_at)
    };
    now.is_some_and(|now| before.map(|it| &it.name) != Some(&now.name) || replaces(now))
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
    let noted = facts.status.keys_secret.as_ref();
    if let Some(name) = noted.and_then(|noted| doomed(facts, noted)) {
        let failed = done(facts, name, false).and_then(|done| refused(facts, done));
        return failed.or_else(|| Some(works(format!("The Secret {name} is asked for no more, and goes."))));
    }
    let name = asked(facts)?;
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
        let mut verdict = refused(facts, done)?;
        if let Some(last) = noted.and_then(|noted| noted.replaces.last()) {
            let stays =
                format!(" The Secret {last}, which the manifest named before, stays as it is until then.");
            verdict.message.push_str(&stays);
        }
        return Some(verdict);
    }
    let written = status(case).is_some_and(|it| it.written_at.is_some());
    (!written)
        .then(|| works(format!("Bindery is about to write the keys of the endpoint into the Secret {name}.")))
}

/// What is left of the Secret where the object goes and it could not be removed.
pub(super) fn left_behind(facts: &Facts) -> Option<Event> {
    let noted = facts.status.keys_secret.as_ref()?;
    let left: Vec<&str> = names(noted).filter(|name| !is_removed(facts, name)).map(String::as_str).collect();
    let (what, them) = if left.len() > 1 { ("Secrets", "them") } else { ("Secret", "it") };
    let note = format!(
        "Bindery could not remove the {what} {}; Kubernetes removes {them} with this object, which owns {them}.",
        left.join(", ")
    );
    if left.is_empty() {
        return None;
    }
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
                "The Secret {namespace}/{secret} is there without the label {KEYS_LABEL}: {}, so Bindery leaves it as it is. Name another one in spec.online.endpoint.keysSecret, or delete that one if nobody needs it.",
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
    done.filter(|done| done.deed.name == name && self::writes(&done.deed) == writes)
}

/// Is this Secret removed or handed over, or nothing that would be ours to remove?
fn is_removed(facts: &Facts, name: &str) -> bool {
    let removed = |done: &SecretDone| matches!(done.outcome, Ok(_) | Err(SecretRefusal::NotOurs));
    done(facts, name, false).is_some_and(removed)
}

/// Is it time to do it once more? The regular look comes up to a tenth of the interval early.
fn is_due(facts: &Facts, done: &SecretDone) -> bool {
    let interval = facts.situation.interval;
    let wait = match (&done.outcome, writes(&done.deed)) {
        (Ok(_) | Err(SecretRefusal::NotOurs), false) => return false,
        (Ok(_), true) => interval / 10 * 9,
        (Err(_), _) => SOON.min(interval),
    };
    elapsed(done.at, facts.situation.now) >= wait
}
