//! The cluster, with the rights of the person who asks. It is only read, but for the objects that the person writes.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use futures::{Stream, StreamExt};
use http::HeaderValue;
use http::header::USER_AGENT as USER_AGENT_HEADER;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::{Api, ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, Resource, ResourceExt};

use super::Error;
use super::output::say;
use crate::answer::seen::Seen;
use crate::api::{Object, ObjectKey};
use crate::azure::model::redacted;
use crate::command::run::{USER_AGENT, with_scheme};
use crate::controller::Sighting;
use crate::outage::root_cause;

/// How many objects one answer of the API server brings, as kubectl asks.
const PAGE: u32 = 500;
/// How often a listing begins anew, whose later pages the API server no longer has.
const LISTINGS: usize = 3;
/// How long an answer of the API server may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// After how many seconds without a change the API server is to end a watch, which is then begun again: before [`PATIENCE`] ends, or
/// silence would look like an outage.
const WATCH: u32 = 45;

/// Which cluster is asked, and as whom: the same flags as kubectl's.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The cluster")]
pub(super) struct ClusterArguments {
    /// The namespace. Default: the one of the kubeconfig's context
    #[arg(short, long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// The kubeconfig file. Default: KUBECONFIG, else ~/.kube/config, else the service account of the pod
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig. Default: the current one
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The user to act as, if you may impersonate that user
    #[arg(long = "as", value_name = "USER")]
    impersonate: Option<String>,
    /// A group to act as, together with --as; may be given several times
    #[arg(long = "as-group", value_name = "GROUP", requires = "impersonate")]
    impersonate_groups: Vec<String>,
}

/// A cluster that can be asked.
pub(super) struct Cluster {
    client: Client,
    /// The namespace that is meant where none is named.
    pub namespace: String,
    /// The namespace of the kubeconfig's context, whatever --namespace says.
    pub context_namespace: String,
    server: String,
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The person lacks the right.
    #[error("{0}")]
    Forbidden(String),
    /// The API server does not know the kind.
    #[error(
        "the API server does not know the kind {0}: Bindery's CustomResourceDefinitions are not installed in this cluster"
    )]
    NoSuchKind(String),
    /// Anything else, in a sentence.
    #[error("{0}")]
    Other(String),
}

/// All objects of a kind in one namespace, or everywhere.
pub(super) struct Scope<'a> {
    /// The namespace; none for all.
    pub namespace: Option<&'a str>,
    /// A label selector.
    pub labels: Option<&'a str>,
}

/// Why an object cannot be created.
fn taken<K: Object>(object: &K) -> String {
    let (name, namespace) = (object.name_any(), object.home());
    format!(
        "{} {name} exists already in namespace {namespace}, and it cannot be changed: give another --name",
        K::KIND
    )
}

impl Cluster {
    /// The cluster that the arguments and the environment name.
    pub(super) async fn open(arguments: &ClusterArguments) -> Result<Self, Error> {
        let mut config = config(arguments).await?;
        config.read_timeout = Some(PATIENCE);
        config.reset_reader_on_write = true;
        config.proxy_url = config.proxy_url.map(with_scheme);
        config.headers.push((USER_AGENT_HEADER, HeaderValue::from_static(USER_AGENT)));
        if let Some(user) = &arguments.impersonate {
            config.auth_info.impersonate = Some(user.clone());
            config.auth_info.impersonate_groups = Some(arguments.impersonate_groups.clone());
        }
        let context_namespace = config.default_namespace.clone();
        let namespace = arguments.namespace.clone().unwrap_or_else(|| context_namespace.clone());
        let server = config.cluster_url.authority().map_or_else(String::new, ToString::to_string);
        let client = Client::try_from(config)
            .map_err(|error| redacted(&format!("the cluster cannot be asked: {error}")))?;
        Ok(Self { client, namespace, context_namespace, server })
    }

    /// One object, as far as it can be read.
    pub(super) async fn get<K: Object>(&self, key: &ObjectKey) -> Result<Seen<K>, Error> {
        let api: Api<Sighting<K>> = Api::namespaced(self.client.clone(), &key.namespace);
        match api.get_opt(&key.name).await {
            Ok(None) => Ok(Seen::Missing),
            Ok(Some(sighting)) => Ok(match sighting.object() {
                Ok(object) => Seen::Found(object),
                Err(because) => Seen::Withheld(format!("{key} cannot be read ({because}).")),
            }),
            Err(error) => match self.refusal::<K>(error) {
                Refusal::Forbidden(said) => Ok(Seen::Withheld(format!("You may not read {key}: {said}."))),
                other => Err(other.into()),
            },
        }
    }

    /// An object as it is now, and then as often as it changes; none while it is not there. A watch that fails begins again.
    pub(super) fn follow<K: Object>(&self, key: &ObjectKey) -> impl Stream<Item = Result<Option<K>, Error>> {
        let api: Api<Sighting<K>> = Api::namespaced(self.client.clone(), &key.namespace);
        let (title, mut told, mut there) = (key.to_string(), false, false);
        let only = watcher::Config::default().fields(&format!("metadata.name={}", key.name)).timeout(WATCH);
        watcher::watcher(api, only).default_backoff().filter_map(move |event| {
            let failed_before = std::mem::replace(&mut told, event.is_err());
            let seen = match event {
                Ok(watcher::Event::Init) => {
                    there = false;
                    None
                }
                Ok(watcher::Event::InitDone) => (!there).then_some(Ok(None)),
                Ok(watcher::Event::Delete(_)) => Some(Ok(None)),
                Ok(watcher::Event::Apply(sighting) | watcher::Event::InitApply(sighting)) => Some({
                    there = true;
                    sighting
                        .object()
                        .map(Some)
                        .map_err(|because| Error::from(format!("{title} cannot be read ({because})")))
                }),
                Err(watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error))
                    if matches!(&error, kube::Error::Api(status) if matches!(status.code, 401 | 403 | 404)) =>
                {
                    Some(Err(self.refusal::<K>(error).into()))
                }
                Err(_) if failed_before => None,
                Err(_) => {
                    say(&[format!(
                        "the API server {} gives no answer about {title}; it is asked again",
                        self.server
                    )]);
                    None
                }
            };
            std::future::ready(seen)
        })
    }

    /// Nobody is asked about what cannot be created. Whoever may not read such objects learns it from the API server afterwards.
    pub(super) async fn is_free<K: Object>(&self, object: &K) -> Result<(), Error> {
        match self.get::<K>(&object.key()).await? {
            Seen::Found(_) => Err(taken(object).into()),
            Seen::Missing | Seen::Withheld(_) => Ok(()),
        }
    }

    /// Creates an object; with `on_trial` the API server only says whether it would.
    pub(super) async fn create<K: Object>(&self, object: &K, on_trial: bool) -> Result<K, Error> {
        let api: Api<K> = Api::namespaced(self.client.clone(), &object.home());
        let params = PostParams { dry_run: on_trial, ..PostParams::default() };
        api.create(&params, object).await.map_err(|error| match error {
            kube::Error::Api(status) if status.is_already_exists() => taken(object).into(),
            error => self.refusal::<K>(error).into(),
        })
    }

    /// The name by which the API server knows the person who asks.
    pub(super) async fn user(&self) -> Result<String, Error> {
        let api: Api<SelfSubjectReview> = Api::all(self.client.clone());
        let review = api.create(&PostParams::default(), &SelfSubjectReview::default()).await;
        let review = review.map_err(|error| {
            redacted(&format!(
                "the API server {} does not say who you are: {}",
                self.server,
                root_cause(&error)
            ))
        })?;
        let user = review.status.and_then(|status| status.user_info).and_then(|user| user.username);
        user.ok_or_else(|| format!("the API server {} does not say who you are", self.server).into())
    }

    /// Reads all objects of a kind page by page into what is kept of them, and says of which nothing, or not all, could be
    /// read.
    pub(super) async fn list<K: Object, T: Default>(
        &self,
        scope: &Scope<'_>,
        keep: impl Fn(&mut T, K),
    ) -> Result<(T, Vec<String>), Refusal> {
        let api: Api<Sighting<K>> = match scope.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        let mut listings = 0;
        loop {
            listings += 1;
            match self.pages(&api, scope, &keep).await {
                Err(kube::Error::Api(status)) if status.code == 410 && listings < LISTINGS => {}
                other => return other.map_err(|error| self.refusal::<K>(error)),
            }
        }
    }

    /// What is kept of all objects of a kind; where the person may not list them all, of those of one namespace; where that is
    /// refused too, nothing.
    pub(super) async fn list_widely<K: Object, T: Default>(
        &self,
        namespace: &str,
        not_read: &mut Vec<String>,
        keep: impl Fn(&mut T, K),
    ) -> Result<T, Refusal> {
        let plural = K::plural(&());
        let mut listed = self.list(&Scope { namespace: None, labels: None }, &keep).await;
        if let Err(Refusal::Forbidden(said)) = &listed {
            not_read.push(format!(
                "You may not list the {plural} of all namespaces ({said}). Only those of namespace {namespace} were looked at."
            ));
            listed = self.list(&Scope { namespace: Some(namespace), labels: None }, &keep).await;
        }
        match listed {
            Ok((kept, lacking)) => {
                not_read.extend(lacking);
                Ok(kept)
            }
            Err(Refusal::Forbidden(said)) => {
                not_read
                    .push(format!("You may not list the {plural} of namespace {namespace} either ({said})."));
                Ok(T::default())
            }
            Err(other) => Err(other),
        }
    }

    async fn pages<K: Object, T: Default>(
        &self,
        api: &Api<Sighting<K>>,
        scope: &Scope<'_>,
        keep: &impl Fn(&mut T, K),
    ) -> kube::Result<(T, Vec<String>)> {
        let (mut kept, mut not_read) = (T::default(), vec![]);
        let mut progress = Progress::of(&K::plural(&()));
        let mut params =
            ListParams { label_selector: scope.labels.map(str::to_string), ..ListParams::default() };
        params = params.limit(PAGE);
        loop {
            let page = api.list(&params).await?;
            progress.add(page.items.len());
            for sighting in page.items {
                let name = || {
                    let meta = sighting.meta();
                    let part = |part: &Option<String>| part.clone().unwrap_or_default();
                    format!("{} {}/{}", K::KIND, part(&meta.namespace), part(&meta.name))
                };
                match &sighting {
                    Sighting::Whole(_) => {}
                    Sighting::WithoutStatus(_, because) => not_read.push(format!(
                        "The status of {} cannot be read ({because}); it counts as empty.",
                        name()
                    )),
                    Sighting::Unreadable(_, because) => {
                        not_read.push(format!("{} cannot be read ({because}); it is left out.", name()));
                    }
                }
                if let Ok(object) = sighting.object() {
                    keep(&mut kept, object);
                }
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok((kept, not_read)),
            }
        }
    }

    /// Objects of a kind that has no namespace.
    pub(super) fn api<K: Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>>(
        &self,
    ) -> Api<K> {
        Api::all(self.client.clone())
    }

    pub(super) fn refusal<K: Object>(&self, error: kube::Error) -> Refusal {
        match error {
            kube::Error::Api(status) if status.code == 403 => {
                Refusal::Forbidden(redacted(status.message.trim_end_matches('.')))
            }
            kube::Error::Api(status) if status.code == 401 => Refusal::Other(format!(
                "the API server {} does not accept your credentials; log in again",
                self.server
            )),
            kube::Error::Api(status) if status.code == 404 => Refusal::NoSuchKind(K::KIND.to_string()),
            kube::Error::Api(status) => Refusal::Other(redacted(&format!(
                "the API server {} answers: {} (HTTP {})",
                self.server, status.message, status.code
            ))),
            error => Refusal::Other(redacted(&format!(
                "the API server {} gives no answer: {}",
                self.server,
                root_cause(&error)
            ))),
        }
    }
}

/// That an answer has no object to speak of.
pub(super) fn not_found<K>(key: &ObjectKey, seen: Option<&Seen<K>>) -> Error {
    match seen {
        Some(Seen::Withheld(said)) => said.clone().into(),
        _ => format!("there is no {} {} in namespace {}", key.kind, key.name, key.namespace).into(),
    }
}

async fn config(arguments: &ClusterArguments) -> Result<kube::Config, Error> {
    let options = KubeConfigOptions { context: arguments.context.clone(), ..KubeConfigOptions::default() };
    let file = match &arguments.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let named = arguments.kubeconfig.is_some() || arguments.context.is_some();
    let found = match file {
        Ok(file) => kube::Config::from_custom_kubeconfig(file, &options).await,
        Err(error) => Err(error),
    };
    match found {
        Ok(config) => Ok(config),
        Err(error) => match kube::Config::incluster() {
            Ok(config) if !named => Ok(config),
            _ => Err(redacted(&format!(
                "no cluster is known: {error}. Name a kubeconfig with --kubeconfig or KUBECONFIG, and a context of it with --context"
            ))
            .into()),
        },
    }
}

/// Tells a person who waits at a terminal how far it is.
struct Progress {
    what: String,
    read: usize,
    told: bool,
}

impl Progress {
    fn of(what: &str) -> Self {
        Self { what: what.into(), read: 0, told: false }
    }

    /// A page has come. The first one is no news.
    fn add(&mut self, objects: usize) {
        self.read += objects;
        if self.read > objects && std::io::stderr().is_terminal() {
            self.told = true;
            let _ = write!(std::io::stderr(), "\r{} {} read", self.read, self.what);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.told {
            let _ = write!(std::io::stderr(), "\r\u{1b}[K");
        }
    }
}

#[cfg(test)]
mod tests;
