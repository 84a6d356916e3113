use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use http::Uri;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

use super::Outcome;
use super::log::{self, LogFormat};
use crate::api::Period;
use crate::azure::client::{Azure, CloudChoice, Config, CredentialChoice, authority_host};
use crate::azure::model::{is_guid, redacted};
use crate::controller::{
    self, ApiServer, LeaderElection, Options, ServiceAccounts, Telemetry, Tenants, Terms,
};
use crate::decide::{Served, Watched};
use crate::serve::{self, Check, Reports};

/// Up to the slash, the name of [`controller::FIELD_MANAGER`].
pub(super) const USER_AGENT: &str = concat!("bindery/", env!("CARGO_PKG_VERSION"));

/// How the operator runs. Who it is in Azure comes from the environment, as for every Azure client:
/// AZURE_FEDERATED_TOKEN_FILE (workload identity), AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH, or else a managed
/// identity. HTTPS_PROXY and NO_PROXY say through which proxy it asks Azure.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The id of this cluster in the owner tags in Azure. A cluster that is restored from a backup
    /// keeps its id.
    #[arg(long, env = "BINDERY_CLUSTER_ID", value_parser = cluster_id)]
    cluster_id: String,
    /// Change nothing in Azure, whatever the manifests say: for the first contact with a subscription.
    #[arg(long, env = "BINDERY_OBSERVE_ONLY")]
    observe_only: bool,
    /// The cluster checks that an Approval is by whoever creates it, as the chart's admission policy does. Otherwise the
    /// approvals of one namespace count as one person's.
    #[arg(long, env = "BINDERY_AUTHORS_CHECKED")]
    authors_checked: bool,
    /// How long a deletion that would take something down in Azure waits for another object of its namespace to take over,
    /// where the manifest does not say it: `2m`, `90s`, `0s` for not at all.
    #[arg(long, env = "BINDERY_HANDOVER", value_name = "PERIOD", default_value = "2m", value_parser = period)]
    handover: Period,
    /// Watch only these namespaces, with commas between them. Default: all.
    #[arg(long, env = "BINDERY_WATCH_NAMESPACES", value_name = "NAMESPACES", value_delimiter = ',', value_parser = namespace)]
    watch_namespaces: Vec<String>,
    /// Whom the operator's own identity in Azure serves: a list in JSON, or @ and the path of a file with one. Each entry names
    /// `namespaces` (of Registry and Workspace objects) and `subscriptions`, and may name `resourceGroups`; `*` stands
    /// for any characters, `?` for one. A place that is not listed is neither read nor changed, unless it has spec.credentials.
    /// Default: an empty list.
    #[arg(long, env = "BINDERY_OPERATOR_IDENTITY_ALLOW", value_name = "LIST", default_value = "[]", value_parser = served)]
    operator_identity_allow: Served,
    /// The Entra tenants, as GUIDs, that the service accounts of places may be of. Default: any.
    #[arg(long, env = "BINDERY_PLACE_TENANTS", value_name = "TENANTS", value_delimiter = ',', value_parser = tenant)]
    place_tenants: Vec<String>,
    /// Which credential in Azure is meant: `auto` (the first that the environment describes, else a managed identity),
    /// `workload-identity`, `managed-identity`, `client-secret`, `client-certificate`, or `azure-cli`, the login of
    /// `az login` on this machine.
    #[arg(long, env = "BINDERY_CREDENTIAL", value_name = "KIND", default_value = "auto")]
    credential: CredentialChoice,
    /// Which of Azure's clouds: `public`, `usgovernment` or `china`; the https URL of a /metadata/endpoints document; JSON
    /// with `authority` and `resourceManager`, and where they are needed `audience`, `trustedHosts` and `storageSuffix`; or @
    /// and the path of a file with such JSON. Default: the one that AZURE_AUTHORITY_HOST belongs to, else the public one.
    #[arg(long, env = "BINDERY_CLOUD")]
    cloud: Option<CloudChoice>,
    /// Certificates to trust besides the system's, as PEM.
    #[arg(long, env = "BINDERY_CA_BUNDLE")]
    ca_bundle: Option<PathBuf>,
    /// Serve `/metrics` for Prometheus, and `/healthz` and `/readyz` for probes, over HTTP at this IP address and port, such as
    /// `0.0.0.0:8080` or `[::]:8080`. Anybody who reaches the port may read them. Default: nothing is served.
    #[arg(long, env = "BINDERY_BIND_ADDRESS", value_name = "ADDRESS:PORT", value_parser = address)]
    bind_address: Option<SocketAddr>,
    #[command(flatten)]
    election: Election,
    /// How to write the log.
    #[arg(long, env = "BINDERY_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

/// Which of several processes leads.
#[derive(Debug, Args)]
struct Election {
    /// Run beside other processes of the same installation: of all that take part in the election, one leads and changes
    /// something, and the others are ready to take over. Default: this is the only process.
    #[arg(long = "leader-elect", env = "BINDERY_LEADER_ELECT")]
    takes_part: bool,
    /// How long the others leave a leader alone that does not renew its Lease.
    #[arg(long = "leader-elect-lease-duration", env = "BINDERY_LEADER_ELECT_LEASE_DURATION", value_name = "PERIOD", default_value = "15s", value_parser = period)]
    lease_duration: Period,
    /// How long a leader goes on without having renewed its Lease. Shorter than the lease duration by a fifth of it or more.
    #[arg(long = "leader-elect-renew-deadline", env = "BINDERY_LEADER_ELECT_RENEW_DEADLINE", value_name = "PERIOD", default_value = "10s", value_parser = period)]
    renew_deadline: Period,
    /// The time between two tries to renew the Lease, or to take it over. Less than half of the renew deadline.
    #[arg(long = "leader-elect-retry-period", env = "BINDERY_LEADER_ELECT_RETRY_PERIOD", value_name = "PERIOD", default_value = "2s", value_parser = period)]
    retry_period: Period,
    /// The name of the Lease.
    #[arg(
        long = "leader-elect-resource-name",
        env = "BINDERY_LEADER_ELECT_RESOURCE_NAME",
        value_name = "NAME",
        default_value = "bindery"
    )]
    resource_name: String,
    /// The namespace of the Lease. Default: that of the pod, or of the kubeconfig's context.
    #[arg(long = "leader-elect-resource-namespace", env = "BINDERY_LEADER_ELECT_RESOURCE_NAMESPACE", value_name = "NAMESPACE", value_parser = namespace)]
    resource_namespace: Option<String>,
}

impl Election {
    /// How to take part, if this process does. `home`: the namespace where none is named; `request`: the longest that a request to
    /// Azure may take.
    fn taking_part(self, home: &str, request: Duration) -> Result<Option<LeaderElection>, String> {
        if !self.takes_part {
            return Ok(None);
        }
        let terms = Terms::new(
            self.lease_duration.duration(),
            self.renew_deadline.duration(),
            self.retry_period.duration(),
            request,
        );
        let terms = terms.map_err(|why| format!("--leader-elect: {why}"))?;
        let host = std::env::var("HOSTNAME").ok().filter(|host| !host.is_empty());
        Ok(Some(LeaderElection {
            namespace: self.resource_namespace.unwrap_or_else(|| home.to_owned()),
            name: self.resource_name,
            identity: LeaderElection::identity(host.as_deref().unwrap_or("bindery")),
            terms,
        }))
    }
}

/// What the log shows, where the environment does not say it. The clients of Kubernetes log each request that fails, and
/// the operator says once what that means.
const DEFAULT_LOG_FILTER: &str =
    "bindery=info,warn,kube_client::client=off,kube_client::client::tls=warn,kube_runtime::watcher=off";
const LOG_FILTER: &str = "BINDERY_LOG";

fn log_filter(given: Option<&str>) -> Result<EnvFilter, String> {
    let text = given.filter(|text| !text.is_empty()).unwrap_or(DEFAULT_LOG_FILTER);
    EnvFilter::try_new(text)
        .map_err(|error| format!("{LOG_FILTER} {text:?} is not a filter for the log: {error}"))
}

/// It becomes the first part of an owner tag, up to the first slash.
fn cluster_id(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.' || c == '_';
    if (1..=63).contains(&text.len()) && text.chars().all(fits) {
        Ok(text.to_string())
    } else {
        Err("1 to 63 letters, digits, '-', '.' and '_'".into())
    }
}

/// A period as in a manifest.
fn period(text: &str) -> Result<Period, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let (unit, fits) = (&text[digits.len()..], digits.len() <= 6 && digits.parse::<u32>().is_ok());
    if fits && ["s", "m", "h"].contains(&unit) {
        Ok(Period::new(text))
    } else {
        Err("a whole number with the unit s, m or h, such as 2m".into())
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an IP address and a port, such as 0.0.0.0:8080 or [::1]:8080".into())
}

/// A list, or the file with it.
fn served(text: &str) -> Result<Served, String> {
    let Some(path) = text.strip_prefix('@') else { return Served::parse(text) };
    let json = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    Served::parse(&json).map_err(|error| format!("{path}: {error}"))
}

fn tenant(text: &str) -> Result<String, String> {
    if is_guid(text) {
        Ok(text.into())
    } else {
        Err("ids of Entra tenants, GUIDs, with commas between them".into())
    }
}

/// As Kubernetes names namespaces. A name that no namespace can have would be waited for in vain.
fn namespace(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let dashed = text.starts_with('-') || text.ends_with('-');
    if (1..=63).contains(&text.len()) && text.chars().all(fits) && !dashed {
        Ok(text.to_string())
    } else {
        Err("names of namespaces with commas between them; each has 1 to 63 small letters, digits and '-', and begins and ends with a letter or digit".into())
    }
}

/// The proxy to the API server, out of the kubeconfig or `HTTPS_PROXY`. One without a scheme means http everywhere, and kube
/// refuses it.
pub(super) fn with_scheme(proxy: Uri) -> Uri {
    if proxy.scheme().is_some() {
        return proxy;
    }
    format!("http://{proxy}").parse().unwrap_or(proxy)
}

/// What the probes are told.
struct Probed {
    telemetry: Arc<Telemetry>,
    server: ApiServer,
}

impl Reports for Probed {
    fn healthy(&self) -> Vec<Check> {
        let (stuck, ended) = self.telemetry.dead();
        vec![Check { name: "passes".into(), wrong: stuck }, Check { name: "watches".into(), wrong: ended }]
    }

    fn ready(&self) -> Vec<Check> {
        let away = self.server.has_told_of_an_outage();
        let away = away.then(|| "the API server gives no answer, or only errors".to_string());
        let mut all = vec![Check { name: "api-server".into(), wrong: away }];
        let watches = self.telemetry.watches();
        if watches.is_empty() {
            all.push(Check { name: "watches".into(), wrong: Some("none has begun yet".into()) });
        }
        all.extend(
            watches.into_iter().map(|(what, wrong)| Check { name: format!("watch of {what}"), wrong }),
        );
        all
    }
}

pub(super) async fn run(arguments: Arguments) -> Outcome {
    let filter = log_filter(std::env::var(LOG_FILTER).ok().as_deref())?;
    tracing::subscriber::set_global_default(log::subscriber(arguments.log_format, filter, std::io::stdout))?;
    let mut azure = Config::from_env(arguments.credential)?;
    azure.ca_bundle = arguments.ca_bundle;
    let mut azure = azure.in_cloud(arguments.cloud, authority_host().as_deref()).await?;
    info!(
        cloud = azure.cloud.name(), authority = azure.cloud.authority(), credential = azure.credential.summary(), proxy = ?azure.proxies,
        "how Azure is asked"
    );

    let mut kubernetes = kube::Config::infer().await?;
    // The wrapper decides when to try again, and sets its own time-outs.
    kubernetes.default_retry = false;
    // For audit logs; and the API server takes the field manager of events from it.
    kubernetes.headers.push((http::header::USER_AGENT, http::HeaderValue::from_static(USER_AGENT)));
    kubernetes.proxy_url = kubernetes.proxy_url.map(with_scheme);
    let election = arguments.election.taking_part(&kubernetes.default_namespace, azure.request_timeout)?;
    // What it says of a proxy has the URL in it, which may have a password in it.
    let server = ApiServer::new(kubernetes).map_err(|error| redacted(&error.to_string()))?;
    let tenants = Tenants {
        own: std::env::var("AZURE_TENANT_ID").ok().filter(|tenant| !tenant.is_empty()),
        allowed: arguments.place_tenants,
    };
    azure.accounts = Some(Arc::new(ServiceAccounts::new(server.clone(), tenants)));
    let azure = Azure::new(azure)?;

    let options = Options {
        cluster: arguments.cluster_id,
        observe_only: arguments.observe_only,
        handover: arguments.handover.duration(),
        watched: Watched::only(arguments.watch_namespaces),
        authors_checked: arguments.authors_checked,
        served: arguments.operator_identity_allow,
    };
    if options.served.is_nothing() {
        warn!(
            "--operator-identity-allow lists nothing (operatorIdentity.allow in the chart's values): only a Registry or Workspace with spec.credentials is served"
        );
    }
    info!(version = env!("CARGO_PKG_VERSION"), ?options, "starting");
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        info!("told to stop; finishing what has begun");
        told.cancel();
    });
    let telemetry = Arc::new(Telemetry::default());
    if let Some(address) = arguments.bind_address {
        let listener = serve::listen(address).await.map_err(|why| format!("--bind-address: {why}"))?;
        let mut registry = Registry::default();
        registry.register(
            "bindery_build",
            "The version of the operator",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        telemetry.register(&mut registry);
        azure.register(&mut registry);
        let probed = Arc::new(Probed { telemetry: telemetry.clone(), server: server.clone() });
        tokio::spawn(serve::serve(listener, registry, probed));
    }
    controller::run(server, azure, options, election, telemetry, stop).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::heard::Log;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn watched(namespaces: &[&str]) -> Result<String, String> {
        let line = ["bindery", "--cluster-id", "test"].iter().chain(namespaces);
        let line = Line::try_parse_from(line).map_err(|error| error.to_string())?;
        Ok(Watched::only(line.arguments.watch_namespaces).to_string())
    }

    #[test]
    fn namespaces_are_named_with_commas_or_one_by_one() {
        assert_eq!(watched(&[]).as_deref(), Ok("all namespaces"));
        assert_eq!(watched(&["--watch-namespaces", "risk,fares"]).as_deref(), Ok("fares, risk"));
        assert_eq!(
            watched(&["--watch-namespaces=risk", "--watch-namespaces=fares"]).as_deref(),
            Ok("fares, risk")
        );
        for wrong in ["", "fares,", "Fares", "fares-", "team/fares", "fares, risk"] {
            let said = watched(&["--watch-namespaces", wrong]).expect_err(wrong);
            assert!(
                said.contains("--watch-namespaces <NAMESPACES>") && said.contains("with commas between them"),
                "{said}"
            );
        }
    }

    #[test]
    fn an_address_to_serve_at_is_an_ip_address_and_a_port() {
        assert!(address("0.0.0.0:8080").is_ok() && address("[::]:8080").is_ok());
        for wrong in ["8080", ":8080", "localhost:8080", "0.0.0.0", "0.0.0.0:80800"] {
            let line = ["bindery", "--cluster-id", "test", "--bind-address", wrong];
            let said = Line::try_parse_from(line).expect_err(wrong).to_string();
            assert!(said.contains("--bind-address") && said.contains("an IP address and a port"), "{said}");
        }
    }

    #[test]
    fn the_periods_of_an_election_fit_each_other() {
        let elected = |arguments: &[&str]| {
            let line = ["bindery", "--cluster-id", "test"].iter().chain(arguments);
            let line = Line::try_parse_from(line).map_err(|error| error.to_string())?;
            line.arguments.election.taking_part("home", Duration::from_secs(30))
        };
        assert!(elected(&[]).expect("nothing").is_none(), "alone unless somebody says otherwise");
        let told = elected(&["--leader-elect"]).expect("client-go's periods").expect("an election");
        assert_eq!((told.name.as_str(), told.namespace.as_str()), ("bindery", "home"));
        let there = ["--leader-elect", "--leader-elect-resource-namespace=bindery-system"];
        assert_eq!(elected(&there).expect("a namespace").expect("an election").namespace, "bindery-system");
        let wrong = elected(&["--leader-elect", "--leader-elect-renew-deadline=15s"]).expect_err("too long");
        assert_eq!(
            wrong,
            "--leader-elect: the lease duration has to be longer than the renew deadline by a fifth"
        );
    }

    #[test]
    fn who_and_where_in_azure_is_said_in_words() {
        let parsed = |arguments: &[&str]| {
            let line = ["bindery", "--cluster-id", "test"].iter().chain(arguments);
            Line::try_parse_from(line).map(|line| line.arguments).map_err(|error| error.to_string())
        };
        let arguments = parsed(&["--credential", "azure-cli", "--cloud", "AzureChinaCloud"]).expect("words");
        assert_eq!(arguments.credential, CredentialChoice::AzureCli);
        assert!(matches!(arguments.cloud, Some(CloudChoice::Cloud(cloud)) if cloud.name() == "china"));
        let arguments = parsed(&[]).expect("nothing");
        assert_eq!((arguments.credential, arguments.cloud), (CredentialChoice::Auto, None));
        for (option, wrong, said) in [
            ("--credential", "azurecli", "'--credential <KIND>': it is one of auto, workload-identity,"),
            (
                "--cloud",
                "germany",
                "'--cloud <CLOUD>': it is public, usgovernment or china, or the https URL",
            ),
            ("--cloud", "http://arm/metadata/endpoints", "'--cloud <CLOUD>': the URL is not https"),
        ] {
            let error = parsed(&[option, wrong]).expect_err(wrong);
            assert!(error.contains(said), "{error}");
        }
    }

    /// What is shown of a line of each level and module.
    #[test]
    fn the_libraries_of_kubernetes_are_heard_only_by_those_who_ask() {
        let shown = |filter: Option<&str>| {
            let heard = Log::default();
            let log = heard.subscriber(log_filter(filter).expect("a filter"));
            tracing::subscriber::with_default(log, || {
                tracing::error!(target: "kube_client::client::builder", "<request>");
                tracing::warn!(target: "kube_client::client", "<body>");
                tracing::warn!(target: "kube_client::client::tls", "<ca>");
                tracing::warn!(target: "kube_runtime::watcher", "<watch>");
                tracing::warn!(target: "rustls", "<tls>");
                tracing::info!(target: "rustls", "<handshake>");
                tracing::info!(target: "bindery::controller", "<pass>");
                tracing::debug!(target: "bindery::controller", "<read>");
            });
            let word = |line: &String| Some(line[line.find('<')?..].to_string());
            heard.lines().iter().filter_map(word).collect::<String>()
        };
        assert_eq!(shown(None), "<ca><tls><pass>");
        assert_eq!(shown(Some("")), "<ca><tls><pass>");
        assert_eq!(shown(Some("warn")), "<request><body><ca><watch><tls>");
        assert_eq!(shown(Some("bindery=debug,kube_client=error")), "<request><pass><read>");
        let said = log_filter(Some("bindery=loud")).expect_err("no such level");
        assert!(said.starts_with("BINDERY_LOG \"bindery=loud\" is not a filter for the log: "), "{said}");
    }

    #[test]
    fn a_proxy_to_the_api_server_needs_no_scheme() {
        for (given, expected) in [
            ("proxy.corp.example:3128", "http://proxy.corp.example:3128/"),
            ("me:s3cret@127.0.0.1:3128", "http://me:s3cret@127.0.0.1:3128/"),
            ("https://proxy.corp.example", "https://proxy.corp.example/"),
            ("socks5://127.0.0.1:1080", "socks5://127.0.0.1:1080"),
        ] {
            let proxy = with_scheme(given.parse().expect("a URI")).to_string();
            assert_eq!(proxy.trim_end_matches('/'), expected.trim_end_matches('/'), "{given}");
        }
    }

    #[test]
    fn the_api_server_knows_us_by_one_name() {
        assert_eq!(USER_AGENT.split('/').next(), Some(controller::FIELD_MANAGER));
    }
}
