//! The client: one request at a time made right, and nothing retried. Whoever calls decides when to
//! look again; a mutating call whose answer was lost may have been carried out.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use azure_core::Uuid;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::absence::is_absence;
use super::accounts::Identities;
use super::audience::Audience;
use super::config::{Config, ConfigError};
use super::error_body::{self, Head};
use super::hosts::{Hosts, StorageHosts};
use super::metrics::Metrics;
use super::pace::{Pacer, Quota};
use super::payer::Payer;
use super::refusals::Refusals;
use super::scoring::Scoring;
use super::storage::Signatures;
use super::token::{Token, TokenSource};
use super::transport::{self, CONNECT_TIMEOUT, Http, Ways};
use super::{API_VERSION, entra, operation};
use crate::azure::model::ResourceId;
use crate::azure::model::resource::{JOB_DEPLOYMENT, JOB_ENDPOINT};
use crate::azure::model::{
    Action, Answer, Ask, Call, Errand, Lane, OperationState, Principal, Purpose, Read, Reply,
};
use crate::azure::model::{Class, Error, presentable, word};
use crate::outage::Reach;

/// A list has no more pages than this.
const MOST_PAGES: usize = 1000;

/// Nor more items than this: some ten times what the largest registry is known to have of one kind.
const MOST_ITEMS: usize = 20_000;

/// Nor more bytes than this, of all its pages together.
const MOST_BYTES: usize = 128 * 1024 * 1024;

/// The URL of an operation has some 5,500 characters at most [REC]; a status has room for these.
const LONGEST_OPERATION_URL: usize = 8192;

/// The autoscale settings of Azure Monitor, in the newest version that is not a preview (azure-ml-2.md J.1).
const AUTOSCALE: &str = "/providers/microsoft.insights/autoscalesettings";
const AUTOSCALE_API_VERSION: &str = "2022-10-01";

/// What a list leaves out unless it is asked for.
const ARCHIVED_TOO: [(&str, &str); 1] = [("listViewType", "All")];

/// What a [`Reply`] says at most about when to look again, in seconds.
const LONGEST_RETRY_AFTER: u64 = 3600;

/// Azure Machine Learning, as one identity sees it. Clones share connections, tokens, pace and counts.
///
/// Every method waits for its turn (see [`Pace`](super::Pace)) and fails with an [`Error`] that says
/// how to treat it. A refused token is [`Class::Unauthorized`], a missing one [`Class::Credential`]; Entra ID out of reach is
/// [`Class::Transient`]; no call leaves without a token, and none to a host that is not Azure's.
///
/// [`read`](Self::read) and [`send`](Self::send) go out as whom their errand says.
#[derive(Clone)]
pub struct Azure(pub(super) Arc<Inner>, pub(super) Acting);

/// As whom requests go out.
#[derive(Clone)]
pub(super) struct Acting {
    pub(super) principal: Principal,
    /// On behalf of what goes.
    pub(super) leaving: bool,
    /// What for, and how urgent it is.
    pub(super) errand: (Purpose, Lane),
}

pub(super) struct Inner {
    pub(super) http: Http,
    arm: Url,
    hosts: Hosts,
    pub(super) storage: StorageHosts,
    pub(super) signatures: Signatures,
    pub(super) scoring: Scoring,
    pub(super) prometheus: Hosts,
    pub(super) ways: Ways,
    identities: Identities,
    pub(super) pacer: Pacer,
    pub(super) metrics: Metrics,
    refusals: Refusals,
    reads: AtomicU64,
    writes: AtomicU64,
    throttled: AtomicU64,
    pub(super) reach: Arc<Reach>,
    /// Whether what changes something may go out now.
    permit: OnceLock<Box<dyn Fn() -> bool + Send + Sync>>,
}

/// Requests sent since the client was made, whatever was answered. Requests for tokens do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// GETs: every page of a list, every look at an operation or a run.
    pub reads: u64,
    /// PUT, PATCH, POST and DELETE.
    pub writes: u64,
    /// Answers with status 429 among both.
    pub throttled: u64,
}

/// An answer with any status.
pub(crate) struct Response {
    pub(crate) head: Head,
    headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Who asked.
    principal: Principal,
}

/// One request, before it has a token.
#[derive(Clone)]
struct Request<'a> {
    method: Method,
    url: Url,
    /// Who pays for it.
    payer: &'a Payer,
    kind: Quota,
    body: Option<&'a Value>,
}

/// How much of a collection is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Whole,
    /// The first page that has something in it: enough to tell whether there is anything.
    Beginning,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    value: Vec<Value>,
    #[serde(default)]
    next_link: Option<String>,
}

impl Azure {
    /// A client from its configuration. Reads the CA bundle and the federated token file, sends nothing.
    ///
    /// Also installs the process's TLS provider if there is none (aws-lc-rs).
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let metrics = Metrics::default();
        let ways = Ways::new(&config)?;
        let http = ways.http(CONNECT_TIMEOUT, &[])?;
        let scoring = Scoring::new(&config, &ways)?;
        let prometheus = config.cloud.prometheus_hosts()?;
        let arm = config.cloud.resource_manager().clone();
        let hosts = config.cloud.hosts()?;
        let storage = config.cloud.storage_hosts()?;
        let reach = Arc::new(Reach::default());
        let options = entra::Options::new(&config, &http, &reach, metrics.clone());
        let identities = Identities::new(&config, options)?;
        let errand = (Purpose::Compare, Lane::Routine);
        let operator = Acting { principal: Principal::Operator, leaving: false, errand };
        let inner = Inner {
            http,
            arm,
            hosts,
            storage,
            signatures: Signatures::default(),
            scoring,
            prometheus,
            ways,
            identities,
            pacer: Pacer::new(config.pace),
            metrics,
            refusals: Refusals::default(),
            reads: AtomicU64::default(),
            writes: AtomicU64::default(),
            throttled: AtomicU64::default(),
            reach,
            permit: OnceLock::new(),
        };
        Ok(Self(Arc::new(inner), operator))
    }

    /// From now on, requests that are counted as writes go out only while this holds. It is asked at the last moment, when token
    /// and turn are there, for all clones; the first condition stays.
    pub fn writes_while(&self, holds: impl Fn() -> bool + Send + Sync + 'static) {
        let _ = self.0.permit.set(Box::new(holds));
    }

    /// The same, as somebody else.
    pub(super) fn acting_as(&self, principal: &Principal) -> Self {
        Self(Arc::clone(&self.0), Acting { principal: principal.clone(), ..self.1.clone() })
    }

    /// A POST on behalf of a subscription that asks for something and changes nothing that is not as it should be after it.
    pub(super) async fn ask_for<T: DeserializeOwned>(
        &self,
        path: &str,
        subscription: &str,
        body: &Value,
    ) -> Result<T, Error> {
        let url = self.url(path, &[])?;
        let body = Some(body).filter(|body| !body.is_null());
        let answer = self.ask(Method::POST, url, subscription, Quota::Write, body).await?;
        answer.ok()?.parse()
    }

    /// The same, as whom an errand says.
    pub(super) fn on(&self, errand: &Errand) -> Self {
        let Errand { principal, leaving, purpose, lane } = errand;
        let errand = (*purpose, *lane);
        Self(Arc::clone(&self.0), Acting { principal: principal.clone(), leaving: *leaving, errand })
    }

    /// A resource, or `None` where Azure says that this resource does not exist.
    ///
    /// A subscription, resource group, workspace or registry that it would be in and that is missing
    /// is an error of [`Class::NotFound`] with Azure's code: a mistake in a manifest, or a right that
    /// was taken away, and no reason to create anything.
    pub async fn get<T: DeserializeOwned>(&self, id: &ResourceId) -> Result<Option<T>, Error> {
        let url = self.url(id.as_str(), &[])?;
        let answer = self.ask(Method::GET, url, id.subscription(), Quota::Read, None).await?;
        match answer.ok() {
            Ok(answer) => answer.parse().map(Some),
            Err(error) if is_absence(id, &error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every resource of a collection, given by its ARM path
    /// (`/subscriptions/…/models/m/versions`), over all pages. `query` is sent besides the
    /// api-version; without `listViewType=All` Azure leaves out what is archived.
    ///
    /// 404 is an error here: Azure answers it for the versions of a model that has none
    /// (`ModelNotFound`). One item of an unexpected shape fails the list, because a list with holes
    /// would look like things that are gone.
    pub async fn list<T: DeserializeOwned>(
        &self,
        collection: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, Error> {
        self.pages(collection, query, Extent::Whole).await
    }

    async fn pages<T: DeserializeOwned>(
        &self,
        collection: &str,
        query: &[(&str, &str)],
        extent: Extent,
    ) -> Result<Vec<T>, Error> {
        let id = ResourceId::new(collection);
        let too_long = |what: String| {
            let message = format!("The list of {id} has more than {what}, and was not read to its end.");
            Err(Error::new(Class::Permanent, message))
        };
        let mut url = self.url(id.as_str(), query)?;
        let (mut items, mut bytes, mut seen) = (Vec::new(), 0, HashSet::new());
        while seen.len() < MOST_PAGES {
            let answer =
                self.ask(Method::GET, url.clone(), id.subscription(), Quota::Read, None).await?.ok()?;
            bytes += answer.body.len();
            let page: Page = answer.parse()?;
            if items.len() + page.value.len() > MOST_ITEMS {
                return too_long(format!("{MOST_ITEMS} items"));
            }
            if bytes > MOST_BYTES {
                return too_long(format!("{} MiB", MOST_BYTES / 1024 / 1024));
            }
            for item in page.value {
                let name = item.get("name").and_then(Value::as_str).map(str::to_owned);
                items.push(serde_json::from_value(item).map_err(|e| {
                    let name = name.as_deref().unwrap_or("without a name");
                    answer.head.unexpected(&format!("item {name}: {e}"))
                })?);
            }
            let enough = extent == Extent::Beginning && !items.is_empty();
            let Some(next) = page.next_link.filter(|next| !next.is_empty() && !enough) else {
                return Ok(items);
            };
            let next = self.0.hosts.check(&next, "a nextLink")?;
            seen.insert(std::mem::replace(&mut url, next));
            if seen.contains(&url) {
                return Err(answer.head.unexpected("a nextLink that leads back to a page that was read"));
            }
        }
        too_long(format!("{MOST_PAGES} pages"))
    }

    /// Makes one mutating call, once. Accepted are 200, 201, 202 and 204 for every verb: the service
    /// does not keep to its specification here (azure-ml.md B.1).
    ///
    /// [`Class::Transient`] can mean that the call was carried out and its answer lost.
    pub async fn send(&self, call: &Call) -> Result<Reply, Error> {
        let id = &call.resource;
        let Errand { principal, lane, purpose, .. } = &call.errand;
        tracing::debug!(%principal, %lane, %purpose, resource = %id, "call");
        let (method, path, body) = match &call.action {
            Action::Put(body) => (Method::PUT, id.to_string(), Some(body)),
            Action::Patch(body) => (Method::PATCH, id.to_string(), Some(body)),
            Action::Post(action, body) => {
                let body = Some(body).filter(|body| !body.is_null());
                (Method::POST, format!("{id}/{action}"), body)
            }
            Action::Delete => (Method::DELETE, id.to_string(), None),
            Action::StartJob(invocation) => return self.on(&call.errand).start_job(invocation).await,
            Action::BeginUpload(upload) => return self.on(&call.errand).begin_upload(id, upload).await,
            Action::Fetch(transfer) => return self.on(&call.errand).fetch_parts(id, transfer).await,
        };
        let kind = if is_deployment(id) { Quota::DeploymentWrite } else { Quota::Write };
        let url = self.url(&path, &[])?;
        let answer = self.on(&call.errand).ask(method, url, id.subscription(), kind, body).await?;
        let head = &answer.head;
        if !matches!(head.status, 200 | 201 | 202 | 204) {
            return Err(answer.refusal());
        }
        let body = if error_body::is_empty(&answer.body) { None } else { Some(answer.parse()?) };
        Ok(Reply {
            status: head.status,
            body,
            operation: self.operation_url(&answer.headers, id),
            retry_after: head.retry_after.map(|wait| wait.min(LONGEST_RETRY_AFTER)),
        })
    }

    /// Where a long-running operation stands. The URL comes from a [`Reply`], perhaps by way of a status that people can
    /// write, and goes out as it is; `subscription` is the one that pays for the call. [`Class::Permanent`] where the URL is
    /// not one of this subscription at a host of the cloud that this client is for.
    ///
    /// An operation that failed is `Ok(Failed)`; `Err` means that we could not look.
    pub async fn operation(&self, url: &str, subscription: &str) -> Result<OperationState, Error> {
        let url = self.operation_of(url, subscription)?;
        let answer = self.ask(Method::GET, url, subscription, Quota::Read, None).await?;
        operation::state(&answer.head, &answer.body).map_err(|e| e.asked_as(&self.1.principal))
    }

    /// Makes one read that is given as data.
    pub async fn read(&self, read: &Read) -> Answer {
        let Errand { principal, lane, purpose, .. } = &read.errand;
        tracing::debug!(%principal, %lane, %purpose, what = %read.what, "read");
        let azure = self.on(&read.errand);
        match &read.what {
            Ask::Resource(id) => Answer::Resource(azure.get(id).await),
            Ask::Collection { path, archived } => {
                let query: &[(&str, &str)] = if *archived { &ARCHIVED_TOO } else { &[] };
                Answer::Collection(azure.list(path.as_str(), query).await)
            }
            Ask::Beginning { path } => {
                Answer::Collection(azure.pages(path.as_str(), &ARCHIVED_TOO, Extent::Beginning).await)
            }
            Ask::BatchJobs { path, of } => {
                let properties = of.as_ref().map(|(endpoint, deployment)| {
                    format!("{JOB_ENDPOINT}={endpoint},{JOB_DEPLOYMENT}={deployment}")
                });
                let (mut query, mut extent) = (vec![("jobType", "Pipeline")], Extent::Beginning);
                if let Some(properties) = &properties {
                    query.push(("properties", properties));
                    extent = Extent::Whole;
                }
                Answer::Collection(azure.pages(path.as_str(), &query, extent).await)
            }
            Ask::Operation { url, resource } => {
                let state = azure.operation(url, resource.subscription()).await;
                Answer::Operation(state.inspect_err(|error| {
                    tracing::debug!(%resource, "the operation could not be read: {error}");
                }))
            }
            Ask::Files { version, uri } => Answer::Files(azure.files(version, uri).await),
            Ask::Uploaded { version, upload } => Answer::Uploaded(azure.uploaded(version, upload).await),
            Ask::Blocks { version, upload, file } => {
                Answer::Blocks(azure.blocks(version, upload, file).await)
            }
            Ask::Names => Answer::Names(azure.names().await),
            Ask::Run { tracking_uri, workspace, job } => {
                Answer::Run(azure.run(tracking_uri, workspace, job).await)
            }
        }
    }

    /// By what names Azure may know us.
    async fn names(&self) -> Result<Vec<String>, Error> {
        let tokens = self.tokens(Audience::ResourceManager).await?;
        let token = tokens.get().await.map_err(|e| e.asked_as(&self.1.principal))?;
        Ok(token.names())
    }

    /// The tokens for an audience, of whom we act as.
    pub(super) async fn tokens(&self, audience: Audience) -> Result<TokenSource, Error> {
        let Acting { principal, leaving, .. } = &self.1;
        self.0.identities.tokens(principal, *leaving, audience).await.map_err(|e| e.asked_as(principal))
    }

    /// What has been sent so far.
    pub fn counts(&self) -> Counts {
        Counts {
            reads: self.0.reads.load(Ordering::Relaxed),
            writes: self.0.writes.load(Ordering::Relaxed),
            throttled: self.0.throttled.load(Ordering::Relaxed),
        }
    }

    /// Whether the log was told that a host of Azure is out of reach or answers only with errors, and not yet that this is
    /// over.
    pub fn has_told_of_an_outage(&self) -> bool {
        self.0.reach.has_told()
    }

    /// A URL that an ARM token may go to, other than ARM's own.
    pub(crate) fn checked(&self, url: &str, what: &str) -> Result<Url, Error> {
        self.0.hosts.check(url, what)
    }

    /// A read on behalf of a subscription, with an ARM token. `url` has been checked.
    pub(crate) async fn fetch(&self, url: Url, subscription: &str) -> Result<Response, Error> {
        self.ask(Method::GET, url, subscription, Quota::Read, None).await
    }

    /// Sends one request. Where the token is refused, nothing was done: if that may be the token's fault, as after it was
    /// revoked, the request goes out once more with a fresh one before anybody complains. Else the refusal is the
    /// subscription's, and holds back what is for it.
    async fn ask(
        &self,
        method: Method,
        url: Url,
        subscription: &str,
        kind: Quota,
        body: Option<&Value>,
    ) -> Result<Response, Error> {
        let refusals = &self.0.refusals;
        let payer = Payer::new(&self.1.principal, subscription);
        let host = url.host_str().unwrap_or_default().to_owned();
        if let Some(error) = refusals.holding_back(&payer, &host) {
            return Err(error.before_sending());
        }
        let tokens = self.tokens(Audience::ResourceManager).await.map_err(Error::before_sending)?;
        let request = Request { method, url, payer: &payer, kind, body };
        let (mut answer, token) = self.ask_once(request.clone(), &tokens).await?;
        if answer.head.status == 401 {
            let first = !refusals.stands(&payer, &host);
            if may_be_stale(&answer, &tokens, &token, first).await {
                answer = self.ask_once(request, &tokens).await?.0;
            }
        }
        match answer.head.status {
            401 => refusals.refused(&payer, &host, &answer.refusal()),
            status if says_yes_to_a_token(status) => refusals.accepted(&payer, &host),
            _ => {}
        }
        Ok(answer)
    }

    /// Sends one request with a token, when its turn has come, and notes what the answer says about
    /// token and pace.
    async fn ask_once(&self, request: Request<'_>, tokens: &TokenSource) -> Result<(Response, Token), Error> {
        let Request { method, url, payer, kind, body } = request;
        let (inner, principal) = (&*self.0, &self.1.principal);
        let token = tokens.get().await.map_err(|e| e.asked_as(principal).before_sending())?;
        inner.pacer.turn(payer, kind).await.map_err(Error::before_sending)?;
        self.permitted(kind)?;
        let count = if kind == Quota::Read { &inner.reads } else { &inner.writes };
        count.fetch_add(1, Ordering::Relaxed);

        let (host, server) = (url.host_str().unwrap_or_default().to_owned(), url.authority().to_owned());
        tracing::debug!(%method, %host, path = url.path(), "request");
        let mut request = inner
            .http
            .request(method.clone(), url)
            .bearer_auth(&token.secret)
            .header("accept", "application/json")
            .header("x-ms-client-request-id", Uuid::new_v4().to_string());
        if let Some(body) = body {
            request = request.json(body);
        }
        let (asked, verb) = (Instant::now(), method.to_string());
        let lost = |e: reqwest::Error| {
            let error = inner.http.no_answer(&e, &host);
            inner.reach.unanswered(&server, asked, &error);
            inner.metrics.sent(self.1.errand, None);
            error
        };
        let answer = request.send().await.map_err(lost)?;
        let status = answer.status().as_u16();
        let headers = answer.headers().clone();
        let body = transport::body(answer, transport::MOST_BYTES).await.map_err(lost)?;
        inner.reach.answered(&server, asked, status);
        inner.metrics.sent(self.1.errand, Some(status));
        inner.metrics.took(&verb, asked.elapsed().as_secs_f64());
        let head = Head {
            host,
            status,
            retry_after: number(&headers, RETRY_AFTER.as_str()),
            correlation: text(&headers, "x-ms-correlation-request-id")
                .or_else(|| text(&headers, "x-ms-request-id"))
                .map(word),
        };
        tracing::debug!(status, correlation = head.correlation, "answer");

        inner.pacer.heed(payer, kind, |header| number(&headers, header));
        let Some(body) = body else { return Err(head.too_long(transport::MOST_BYTES)) };
        let answer = Response { head, headers, body, principal: principal.clone() };
        if status == 429 {
            inner.throttled.fetch_add(1, Ordering::Relaxed);
            let wait = error_body::wait(answer.head.retry_after);
            inner.metrics.throttled(payer.subscription(), wait.as_secs_f64());
            inner.pacer.throttled(payer, kind, wait);
        } else if says_yes_to_a_token(status) {
            tokens.accepted(&token);
        }
        Ok((answer, token))
    }

    /// May a request of this kind go out now?
    pub(super) fn permitted(&self, kind: Quota) -> Result<(), Error> {
        if kind == Quota::Read || self.0.permit.get().is_none_or(|holds| holds()) {
            return Ok(());
        }
        let message = "This process may not write any more, and sent nothing.";
        Err(Error::new(Class::Transient, message).before_sending())
    }

    /// The URL of an ARM path, in the version of its provider. Refuses what would not arrive as it is written, such as `..`, with
    /// which a name in a manifest could lead to another resource.
    fn url(&self, path: &str, query: &[(&str, &str)]) -> Result<Url, Error> {
        let of_monitor = path.to_ascii_lowercase().contains(AUTOSCALE);
        self.url_of(path, if of_monitor { AUTOSCALE_API_VERSION } else { API_VERSION }, query)
    }

    /// The same, of another provider than Azure Machine Learning.
    pub(super) fn url_of(&self, path: &str, api_version: &str, query: &[(&str, &str)]) -> Result<Url, Error> {
        check_path(path)?;
        let mut url = self.0.arm.clone();
        url.set_path(path);
        url.query_pairs_mut().append_pair("api-version", api_version).extend_pairs(query);
        Ok(url)
    }

    /// `Azure-AsyncOperation`; else `Location`, unless that is the resource itself, as in a 201 [REC]. None where it is
    /// nothing that [`Azure::operation`] would follow.
    fn operation_url(&self, headers: &HeaderMap, id: &ResourceId) -> Option<String> {
        let url = if let Some(url) = text(headers, "azure-asyncoperation") {
            url.to_owned()
        } else {
            let location = self.0.arm.join(text(headers, LOCATION.as_str())?).ok()?;
            let is_itself = ResourceId::new(location.path()) == *id;
            (!is_itself).then(|| location.to_string())?
        };
        if let Err(error) = self.operation_of(&url, id.subscription()) {
            tracing::warn!(resource = %id, "Azure works on a change that cannot be followed; its end is seen by the resource: {error}");
            return None;
        }
        Some(url)
    }

    /// The URL of an operation, if it is one of this subscription.
    fn operation_of(&self, url: &str, subscription: &str) -> Result<Url, Error> {
        let refuse = |why: &str| {
            let message = format!("Refused to follow an operation: {why}. No token was sent there.");
            Error::new(Class::Permanent, message)
        };
        if url.len() > LONGEST_OPERATION_URL {
            return Err(refuse("its URL is longer than any of Azure's"));
        }
        let url = self.0.hosts.check(url, "an operation")?;
        let path = url.path().to_ascii_lowercase();
        let own = format!("/subscriptions/{}/", subscription.to_ascii_lowercase());
        // What a server may take for a slash or a backslash would lead out again.
        let veiled = ["%2f", "%5c", "%2e", "%25"].iter().any(|part| path.contains(part));
        if veiled || !path.starts_with(&own) {
            return Err(refuse(&format!("its URL is not one of the subscription {subscription}")));
        }
        Ok(url)
    }
}

impl Response {
    /// The answer if its status is 200, else the error it stands for.
    pub(crate) fn ok(self) -> Result<Self, Error> {
        if self.head.status == 200 { Ok(self) } else { Err(self.refusal()) }
    }

    fn refusal(&self) -> Error {
        error_body::refusal(&self.head, &self.body).asked_as(&self.principal)
    }

    /// The body as a type. JSON of another shape is [`Class::Transient`], as what is not JSON.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let json: Value =
            serde_json::from_slice(&self.body).map_err(|_| error_body::not_json(&self.head, &self.body))?;
        serde_json::from_value(json).map_err(|e| self.head.unexpected(&e.to_string()))
    }
}

/// An ARM path consists of non-empty segments that a URL carries unchanged.
pub(crate) fn check_path(path: &str) -> Result<(), Error> {
    let odd = |c: char| c.is_control() || c.is_whitespace() || r"\%?#".contains(c);
    let strange = |segment: &str| matches!(segment, "" | "." | "..") || segment.contains(odd);
    match path.strip_prefix('/') {
        Some(rest) if !rest.split('/').any(strange) => Ok(()),
        _ => {
            let message = format!("{path:?} is not the id of anything in Azure.");
            Err(Error::new(Class::Permanent, presentable(&message)))
        }
    }
}

/// Whether the token that was refused has been replaced. `first`: the last answer from there was no refusal.
async fn may_be_stale(answer: &Response, tokens: &TokenSource, token: &Token, first: bool) -> bool {
    let refusal = answer.refusal();
    // No token of ours opens a subscription of another tenant.
    refusal.class == Class::Unauthorized
        && tokens.refused(token, error_body::is_about_the_token(&refusal), first).await
}

/// Whether an answer of this status was given to somebody whom the service knows: what else may be wrong, the token is good.
fn says_yes_to_a_token(status: u16) -> bool {
    (200..500).contains(&status) && !matches!(status, 300..=399 | 401 | 407 | 408 | 429)
}

/// The service counts writes to online deployments apart from others [REC].
fn is_deployment(id: &ResourceId) -> bool {
    id.segment("onlineEndpoints").is_some() && id.segment("deployments").is_some()
}

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    (!text.is_empty()).then_some(text)
}

pub(super) fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    text(headers, name)?.parse().ok()
}

#[cfg(test)]
mod tests;
