//! Who may put what into a place, whether objects there may take over what exists, and what a place itself may lay claim to.

use super::policy::matches;
use super::reference::{may_refer, with_labels};
use crate::api::{
    Adoption, AllowedNamespaces, ConditionType, Credentials, MetricProvider, Object, PublisherNamespaces,
    Reason, Registry, Workspace, conditions_of,
};
use crate::azure::model::Principal;
use crate::decide::facts::{ClusterRead, Known, Role, Stake};
use crate::decide::{Adopting, Right};

/// What somebody puts into a place.
#[derive(Debug, Clone, Copy)]
pub enum Published<'a> {
    /// A version of this model.
    Model(&'a str),
    /// The endpoint of this name.
    Endpoint(&'a str),
}

/// Whom an entry of a place's list lets publish, and what.
#[derive(Debug)]
pub struct Entry<'a> {
    namespaces: &'a PublisherNamespaces,
    /// Without a list, every name.
    models: Option<&'a [String]>,
    endpoints: Option<&'a [String]>,
}

impl Entry<'_> {
    fn covers(&self, what: Published<'_>) -> bool {
        let (list, name) = match what {
            Published::Model(name) => (self.models, name),
            Published::Endpoint(name) => (self.endpoints, name),
        };
        list.is_none_or(|globs| globs.iter().any(|glob| covers(glob, name)))
    }
}

/// Does a glob match a whole name? `*` stands for any characters; case does not count.
fn covers(glob: &str, name: &str) -> bool {
    // A policy's globs, which the same function matches, have a `?` for one character; these have none.
    !glob.contains('?') && matches(&glob.to_ascii_lowercase(), &name.to_ascii_lowercase())
}

/// A place, as those see it who refer to it.
pub trait Host: Object {
    /// Who may refer to it.
    fn allowed(&self) -> &AllowedNamespaces;
    /// Who may publish there; without an entry, its own namespace.
    fn publishers(&self) -> Vec<Entry<'_>>;
    /// Whether objects there may take over what exists.
    fn adoption(&self) -> Adoption;
    /// Whose identity acts for it; none for the operator's own.
    fn credentials(&self) -> Option<&Credentials>;
}

impl Host for Registry {
    fn allowed(&self) -> &AllowedNamespaces {
        &self.spec.allowed_namespaces
    }

    fn publishers(&self) -> Vec<Entry<'_>> {
        let entries = self.spec.publishers.iter().map(|it| Entry {
            namespaces: &it.namespaces,
            models: it.models.as_deref(),
            endpoints: Some(&[]),
        });
        entries.collect()
    }

    fn adoption(&self) -> Adoption {
        self.spec.adoption
    }

    fn credentials(&self) -> Option<&Credentials> {
        self.spec.credentials.as_ref()
    }
}

impl Host for Workspace {
    fn allowed(&self) -> &AllowedNamespaces {
        &self.spec.allowed_namespaces
    }

    fn publishers(&self) -> Vec<Entry<'_>> {
        let entries = self.spec.publishers.iter().map(|it| Entry {
            namespaces: &it.namespaces,
            models: it.models.as_deref(),
            endpoints: it.endpoints.as_deref(),
        });
        entries.collect()
    }

    fn adoption(&self) -> Adoption {
        self.spec.adoption
    }

    fn credentials(&self) -> Option<&Credentials> {
        self.spec.credentials.as_ref()
    }
}

/// Nothing is put into it, so all that it says is who may refer to it.
impl Host for MetricProvider {
    fn allowed(&self) -> &AllowedNamespaces {
        &self.spec.allowed_namespaces
    }

    fn publishers(&self) -> Vec<Entry<'_>> {
        vec![]
    }

    fn adoption(&self) -> Adoption {
        Adoption::Refuse
    }

    fn credentials(&self) -> Option<&Credentials> {
        self.spec.credentials.as_ref()
    }
}

/// Is `namespace` among these, for a place in `home`?
fn includes(namespaces: &PublisherNamespaces, home: &str, namespace: &str, known: &mut Known) -> bool {
    with_labels(namespaces.selector.is_some(), namespace, known, |labels| {
        namespaces.include(home, namespace, labels)
    })
}

/// Does any entry of the place let `namespace` publish something, whatever it is?
pub(super) fn is_publisher<P: Host>(place: &P, namespace: &str, known: &mut Known) -> bool {
    let home = place.home();
    place.publishers().iter().any(|entry| includes(entry.namespaces, &home, namespace, known))
}

/// Does the place let in by labels?
pub(super) fn asks_for_labels<P: Host>(place: &P) -> bool {
    let by_entry = place.publishers().iter().any(|entry| entry.namespaces.selector.is_some());
    by_entry || place.allowed().selector.is_some()
}

/// May what refers to this place from `namespace` put this into it, and change it there? None where there is no such place:
/// then nobody can say.
pub fn right<P: Host>(
    place: Option<&P>,
    what: Published<'_>,
    namespace: &str,
    known: &mut Known,
) -> Option<Right> {
    let place = place?;
    let (home, entries) = (place.home(), place.publishers());
    let mut lets_in =
        |entry: &Entry<'_>| entry.covers(what) && includes(entry.namespaces, &home, namespace, known);
    if entries.iter().any(&mut lets_in) || (entries.is_empty() && namespace == home) {
        return Some(Right::Granted);
    }
    let (kind, key) = (P::KIND, place.key());
    let by_labels = entries.iter().any(|entry| entry.namespaces.selector.is_some() && entry.covers(what));
    if by_labels && known.is_unwatched(&ClusterRead::Namespace(namespace.into())) {
        return Some(Right::NotWatched {
            because: format!(
                "{key} names its publishers by the labels of their namespaces, which an operator with --watch-namespaces (watchNamespaces in the chart's values) does not read. Have its owner write from: Same or from: All there, or have the operator watch all namespaces."
            ),
        });
    }
    let (thing, list, name) = match what {
        Published::Model(name) => ("model", "models", name),
        Published::Endpoint(name) => ("endpoint", "endpoints", name),
    };
    let namespaces = if namespace == home {
        "{from: Same}".to_string()
    } else {
        format!("{{from: Selector, selector: {{matchLabels: {{kubernetes.io/metadata.name: {namespace}}}}}}}")
    };
    let default = if entries.is_empty() {
        format!(" (a list replaces the default, so {home} has to be in it too where it publishes)")
    } else {
        String::new()
    };
    let briefly = format!("{key} does not name namespace {namespace} as a publisher of {thing} {name}");
    // Whoever may not even refer to it hears of it as of a place that is not there; or, if it has something there, this.
    let because = if may_refer(place, namespace, known) {
        format!(
            "{briefly}, so Bindery changes nothing there for it. Have the owner of that {kind} add {{name: {namespace}, namespaces: {namespaces}, {list}: [{name}]}} to its spec.publishers{default}; or set spec.management to Observe, which only looks."
        )
    } else {
        format!(
            "{briefly}, and lets it refer to it no more, so Bindery changes nothing there for it. Have the owner of that {kind} add the namespace to its spec.publishers. When this object is deleted, what is there stays in Azure."
        )
    };
    Some(Right::Denied { briefly, because })
}

/// What the place of an object says of taking over what exists there and nobody owns.
pub fn adopting<P: Host>(place: Option<&P>) -> Adopting {
    match place {
        Some(place) => {
            Adopting { allowed: place.adoption() == Adoption::Allow, said_by: place.key().to_string() }
        }
        None => Adopting::default(),
    }
}

/// What a place may lay claim to in Azure, where this is as whom it acts and `seen` tells whether Azure was ever read for it.
/// Whom no identity serves has no claim, and whose own identity Azure does not let in has none either.
pub(super) fn right_of_place<P: Host>(place: &P, acting: Result<Principal, String>, seen: bool) -> Right {
    let kept_out = is_kept_out(place, seen);
    let kept_out = kept_out.then(|| "Azure does not let its own identity read it".to_string());
    Right::unless(acting.err().or(kept_out))
}

fn is_kept_out<P: Host>(place: &P, seen: bool) -> bool {
    let ready = conditions_of(place.conditions()).reason(ConditionType::Ready);
    let refused = matches!(
        ready,
        Some(Reason::Unauthorized | Reason::CredentialFailed | Reason::NotFound | Reason::NotInAzure)
    );
    place.credentials().is_some() && (!seen || refused)
}

/// What a place has to do with what it names in Azure: whom Azure keeps out has nothing to do with it.
pub(super) fn stake_of_place<P: Host>(place: &P, seen: bool) -> Stake {
    let account = place.credentials().map(|it| it.service_account_name.as_str().to_string());
    let has_a_claim = |role: &Role| *role == Role::Leaves || !is_kept_out(place, seen);
    Stake { place: None, by: account.unwrap_or_default(), role: Role::of(place).filter(has_a_claim) }
}

/// Does a place come before another one for the same resource? What an administrator lists comes before what an account of
/// another namespace happens to be able to read.
pub(super) fn is_listed_before<P: Host>(place: &P, other: &P) -> bool {
    place.credentials().is_none() && other.credentials().is_some() && place.home() != other.home()
}
